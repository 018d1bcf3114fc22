/* See region.h. The system's part is in system-memory.h. */
#include "region.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "system-memory.h"

struct bn_region {
  uint32_t number;
  uint8_t *base;
  uint64_t bytes;
  /* what the system gave, which starts and ends at pages */
  uint8_t *span;
  uint64_t span_bytes;
  uint64_t usable;
  int is_file;
  uint32_t references;
  int32_t gone;
  struct bn_region *next;
};

/* Regions and their counts change rarely, so one lock guards them all. */
static bn_lock lock = BN_LOCK_INITIALIZER;
static bn_region *first;
static uint32_t last_number, living;

static uint64_t to_whole_pages(uint64_t bytes) { return (bytes + BN_HUGE_PAGE - 1) & ~(BN_HUGE_PAGE - 1); }

static bn_region *add_region(uint8_t *span, uint64_t span_bytes, int is_file) {
  bn_region *region = calloc(1, sizeof *region);
  if (region == NULL) {
    bn_system_release(span, span_bytes, is_file);
    return NULL;
  }
  region->span = region->base = span;
  region->span_bytes = region->bytes = span_bytes;
  region->is_file = is_file;
  region->references = 1;
  bn_lock_take(&lock);
  region->number = ++last_number;
  region->next = first;
  first = region;
  living++;
  bn_lock_give(&lock);
  return region;
}

bn_region *bn_region_reserve(uint64_t bytes) {
  const uint64_t least = UINT64_C(64) << 20;
  for (; bytes >= least; bytes /= 2) {
    const uint64_t rounded = bytes & ~(BN_HUGE_PAGE - 1);
    uint8_t *span = bn_system_reserve(rounded + BN_HUGE_PAGE);
    if (span == NULL) continue;
    bn_region *region = add_region(span, rounded + BN_HUGE_PAGE, 0);
    if (region == NULL) return NULL;
    region->base = span + (BN_HUGE_PAGE - (uintptr_t)span % BN_HUGE_PAGE) % BN_HUGE_PAGE;
    region->bytes = rounded;
    bn_system_advise_huge(region->base, region->bytes);
    return region;
  }
  return NULL;
}

bn_region *bn_region_map(int file, uint64_t offset, uint64_t length, const char **reason) {
  uint64_t before = 0;
  uint8_t *span = bn_system_map(file, offset, length, &before, reason);
  if (span == NULL) return NULL;
  bn_region *region = add_region(span, before + length, 1);
  if (region == NULL) {
    *reason = "the machine has no memory left";
    return NULL;
  }
  region->base = span + before;
  region->bytes = region->usable = length;
  return region;
}

bn_region *bn_region_attach(uint32_t number) {
  bn_lock_take(&lock);
  bn_region *region = first;
  while (region != NULL && (region->number != number || region->is_file)) region = region->next;
  if (region != NULL) {
    region->references++;
    atomic_store((_Atomic int32_t *)&region->gone, 0);
  }
  bn_lock_give(&lock);
  return region;
}

int bn_region_grow(bn_region *region, uint64_t bytes) {
  if (bytes > region->bytes || region->is_file) return 0;
  if (bytes <= region->usable) return 1;
  bytes = to_whole_pages(bytes);
  if (!bn_system_commit(region->base + region->usable, bytes - region->usable)) return 0;
  region->usable = bytes;
  return 1;
}

void bn_region_clear(bn_region *region, uint8_t *address, uint64_t length) {
  if (region->is_file || length == 0) return;
  const uint64_t page = BN_CLEAR_PAGE;
  const uint64_t start = (uintptr_t)address, end = start + length;
  const uint64_t from = (start + page - 1) / page * page, to = end / page * page;
  if (to <= from || to - from < BN_LEAST_DISCARD || !bn_system_discard((uint8_t *)(uintptr_t)from, to - from)) {
    memset(address, 0, length);
    return;
  }
  memset(address, 0, from - start);
  memset((uint8_t *)(uintptr_t)to, 0, end - to);
}

void bn_region_empty(bn_region *region) {
  if (!region->is_file && region->usable > 0) bn_system_discard(region->base, to_whole_pages(region->usable));
}

void bn_region_retain(bn_region *region) {
  bn_lock_take(&lock);
  region->references++;
  bn_lock_give(&lock);
}

void bn_region_release(bn_region *region) {
  bn_lock_take(&lock);
  const int is_last = --region->references == 0;
  if (is_last) {
    bn_region **link = &first;
    while (*link != region) link = &(*link)->next;
    *link = region->next;
    living--;
  }
  bn_lock_give(&lock);
  if (!is_last) return;
  bn_system_release(region->span, region->span_bytes, region->is_file);
  free(region);
}

uint32_t bn_region_number(const bn_region *region) { return region->number; }
uint8_t *bn_region_base(const bn_region *region) { return region->base; }
uint64_t bn_region_bytes(const bn_region *region) { return region->bytes; }
int32_t *bn_region_gone(bn_region *region) { return &region->gone; }
uint64_t bn_physical_bytes(void) { return bn_system_physical_bytes(); }

uint32_t bn_region_count(void) {
  bn_lock_take(&lock);
  const uint32_t count = living;
  bn_lock_give(&lock);
  return count;
}
