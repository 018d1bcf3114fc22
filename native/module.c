/*
 * The Node-API module: which variants run here, their operations, and the memory that they work on. Threads of one
 * process load it apart from each other and share regions by number.
 *
 * A handle holds one reference to a region until it is released or collected; a view holds another until it is
 * collected. A thread that attached tells by `gone` that it ended, see bn_barrier.
 */
#include <stdlib.h>
#include <string.h>

#include "binding.h"
#include "cpu.h"
#include "region.h"

typedef struct {
  bn_region *region;
  int is_attached;
} handle;

static napi_value fail(napi_env env, const char *message) {
  napi_throw_error(env, NULL, message);
  return NULL;
}

static void drop(handle *h) {
  if (h->region == NULL) return;
  if (h->is_attached) __atomic_store_n(bn_region_gone(h->region), 1, __ATOMIC_SEQ_CST);
  bn_region_release(h->region);
  h->region = NULL;
}

static void finalize_handle(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  drop(data);
  free(data);
}

static void finalize_view(napi_env env, void *data, void *region) {
  (void)env, (void)data;
  bn_region_release(region);
}

/* A handle that takes over the caller's reference. */
static napi_value make_handle(napi_env env, bn_region *region, int is_attached) {
  handle *h = malloc(sizeof *h);
  napi_value value = NULL;
  if (h != NULL) *h = (handle){region, is_attached};
  if (h != NULL && napi_create_external(env, h, finalize_handle, NULL, &value) == napi_ok) return value;
  free(h);
  bn_region_release(region);
  return fail(env, "the machine has no memory left");
}

/* The first argument as a living handle and the `count` numbers behind it; NULL after throwing. */
static handle *handle_and_numbers(napi_env env, napi_callback_info info, double *numbers, size_t count) {
  napi_value values[3];
  size_t given = 3;
  void *data = NULL;
  napi_get_cb_info(env, info, &given, values, NULL, NULL);
  int fits = given == count + 1 && napi_get_value_external(env, values[0], &data) == napi_ok;
  for (size_t i = 0; fits && i < count; i++) fits = napi_get_value_double(env, values[i + 1], &numbers[i]) == napi_ok;
  if (fits && ((handle *)data)->region != NULL) return data;
  fail(env, fits ? "the memory was released" : "a native function was called with wrong arguments");
  return NULL;
}

static napi_value variants(napi_env env, napi_callback_info info) {
  (void)info;
  bn_variant all[8];
  const int count = bn_variants(all, 8);
  napi_value list;
  napi_create_array(env, &list);
  for (int i = 0; i < count; i++) {
    napi_value entry, name, missing;
    const char *lacks = all[i].missing == NULL ? "" : all[i].missing;
    napi_create_object(env, &entry);
    napi_create_string_utf8(env, all[i].kernels->name, NAPI_AUTO_LENGTH, &name);
    napi_create_string_utf8(env, lacks, NAPI_AUTO_LENGTH, &missing);
    napi_set_named_property(env, entry, "name", name);
    napi_set_named_property(env, entry, "missing", missing);
    napi_set_element(env, list, (uint32_t)i, entry);
  }
  return list;
}

static napi_value kernels(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t given = 1;
  char name[64];
  napi_get_cb_info(env, info, &given, &argument, NULL, NULL);
  if (given != 1 || napi_get_value_string_utf8(env, argument, name, sizeof name, NULL) != napi_ok) name[0] = 0;
  bn_variant all[8];
  const int count = bn_variants(all, 8);
  for (int i = 0; i < count; i++) {
    if (strcmp(all[i].kernels->name, name) != 0) continue;
    if (all[i].missing != NULL) break;
    return bn_operations(env, all[i].kernels);
  }
  return fail(env, "this variant does not run here");
}

static napi_value reserve(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t given = 1;
  double bytes = 0;
  napi_get_cb_info(env, info, &given, &argument, NULL, NULL);
  if (given != 1 || napi_get_value_double(env, argument, &bytes) != napi_ok || !(bytes >= 0 && bytes < 0x1p53)) {
    return fail(env, "a native function was called with wrong arguments");
  }
  bn_region *region = bn_region_reserve((uint64_t)bytes);
  return region == NULL ? fail(env, "the system gave no address space") : make_handle(env, region, 0);
}

static napi_value attach(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t given = 1;
  uint32_t id = 0;
  napi_get_cb_info(env, info, &given, &argument, NULL, NULL);
  if (given == 1) napi_get_value_uint32(env, argument, &id);
  bn_region *region = bn_region_attach(id);
  return region == NULL ? fail(env, "the memory was released") : make_handle(env, region, 1);
}

static napi_value map_file(napi_env env, napi_callback_info info) {
  napi_value values[3];
  size_t given = 3;
  int32_t file = -1;
  double offset = 0, bytes = 0;
  napi_get_cb_info(env, info, &given, values, NULL, NULL);
  if (given != 3 || napi_get_value_int32(env, values[0], &file) != napi_ok ||
      napi_get_value_double(env, values[1], &offset) != napi_ok || napi_get_value_double(env, values[2], &bytes) != napi_ok ||
      !(offset >= 0 && offset < 0x1p53) || !(bytes >= 0 && bytes < 0x1p53)) {
    return fail(env, "a native function was called with wrong arguments");
  }
  const char *reason = NULL;
  bn_region *region = bn_region_map(file, (uint64_t)offset, (uint64_t)bytes, &reason);
  return region == NULL ? fail(env, reason) : make_handle(env, region, 0);
}

static napi_value describe(napi_env env, napi_callback_info info) {
  const handle *h = handle_and_numbers(env, info, NULL, 0);
  if (h == NULL) return NULL;
  const struct {
    const char *name;
    double value;
  } fields[] = {
      {"number", bn_region_number(h->region)},
      {"address", (double)(uintptr_t)bn_region_base(h->region)},
      {"bytes", (double)bn_region_bytes(h->region)},
  };
  napi_value object;
  napi_create_object(env, &object);
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    napi_value value;
    napi_create_double(env, fields[i].value, &value);
    napi_set_named_property(env, object, fields[i].name, value);
  }
  return object;
}

static napi_value grow(napi_env env, napi_callback_info info) {
  double bytes;
  const handle *h = handle_and_numbers(env, info, &bytes, 1);
  if (h == NULL) return NULL;
  napi_value result;
  napi_get_boolean(env, bytes >= 0 && bn_region_grow(h->region, (uint64_t)bytes), &result);
  return result;
}

/* Numbers 0 and 1 as a span inside of the region; 0 after throwing. */
static int is_inside(napi_env env, const handle *h, const double *span) {
  const double base = (double)(uintptr_t)bn_region_base(h->region), bytes = (double)bn_region_bytes(h->region);
  if (span[0] >= base && span[1] >= 0 && span[0] - base + span[1] <= bytes) return 1;
  fail(env, "this span is outside of the memory");
  return 0;
}

static napi_value clear(napi_env env, napi_callback_info info) {
  double span[2];
  const handle *h = handle_and_numbers(env, info, span, 2);
  if (h != NULL && is_inside(env, h, span)) {
    bn_region_clear(h->region, (uint8_t *)(uintptr_t)span[0], (uint64_t)span[1]);
  }
  return NULL;
}

static napi_value view(napi_env env, napi_callback_info info) {
  double span[2];
  const handle *h = handle_and_numbers(env, info, span, 2);
  if (h == NULL || !is_inside(env, h, span)) return NULL;
  napi_value buffer;
  bn_region_retain(h->region);
  if (napi_create_external_arraybuffer(env, (void *)(uintptr_t)span[0], (size_t)span[1], finalize_view, h->region,
                                       &buffer) == napi_ok) {
    return buffer;
  }
  bn_region_release(h->region);
  return fail(env, "this runtime allows no views on native memory");
}

/* Physical memory goes back at once; addresses stay reserved while a view or another thread holds them. */
static napi_value release(napi_env env, napi_callback_info info) {
  handle *h = handle_and_numbers(env, info, NULL, 0);
  if (h == NULL) return NULL;
  bn_region_empty(h->region);
  drop(h);
  return NULL;
}

static napi_value barrier(napi_env env, napi_callback_info info) {
  double v[2];
  handle *h = handle_and_numbers(env, info, v, 2);
  if (h == NULL) return NULL;
  if (bn_barrier((int32_t *)(uintptr_t)v[0], (int32_t)v[1], bn_region_gone(h->region))) return NULL;
  return fail(env, "another thread of the team has ended");
}

static napi_value physical_bytes(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value result;
  napi_create_double(env, (double)bn_physical_bytes(), &result);
  return result;
}

static napi_value region_count(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value result;
  napi_create_uint32(env, bn_region_count(), &result);
  return result;
}

NAPI_MODULE_INIT() {
  napi_value version;
  napi_create_int32(env, BN_INTERFACE, &version);
  napi_set_named_property(env, exports, "interfaceVersion", version);
  bn_define(env, exports, "variants", variants, NULL);
  bn_define(env, exports, "kernels", kernels, NULL);
  bn_define(env, exports, "reserve", reserve, NULL);
  bn_define(env, exports, "attach", attach, NULL);
  bn_define(env, exports, "mapFile", map_file, NULL);
  bn_define(env, exports, "describe", describe, NULL);
  bn_define(env, exports, "grow", grow, NULL);
  bn_define(env, exports, "clear", clear, NULL);
  bn_define(env, exports, "view", view, NULL);
  bn_define(env, exports, "release", release, NULL);
  bn_define(env, exports, "barrier", barrier, NULL);
  bn_define(env, exports, "physicalBytes", physical_bytes, NULL);
  bn_define(env, exports, "regionCount", region_count, NULL);
  return exports;
}
