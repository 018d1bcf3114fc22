/* Between JavaScript values and C: what module.c and operations.c share. */
#ifndef BN_BINDING_H
#define BN_BINDING_H

#include <node_api.h>

#include "kernels.h"

/* The object of a variant's operations: functions on plain numbers, addresses included, in the order of kernels.ts. */
napi_value bn_operations(napi_env env, const bn_kernels *kernels);

/*
 * Reads `count` numbers. Returns the data pointer of the called function, or NULL after throwing a TypeError, which
 * tells of a bug in src/kernels/native/.
 */
void *bn_numbers(napi_env env, napi_callback_info info, double *numbers, size_t count);

/* Adds a function of this name to an object. */
void bn_define(napi_env env, napi_value object, const char *name, napi_callback callback, const void *data);

#endif
