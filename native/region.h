/*
 * Spans of address space with a count of references: the heap of an engine, or a file mapped for reading. A span is
 * given back when the last reference is dropped, so a view that someone still holds never points into nothing.
 */
#ifndef BN_REGION_H
#define BN_REGION_H

#include <stdint.h>

typedef struct bn_region bn_region;

/* A heap of at most `bytes`, at less when the system refuses; NULL when it refuses everything. One reference. */
bn_region *bn_region_reserve(uint64_t bytes);

/* A read-only mapping of [offset, offset + length) of an open file, or NULL with a sentence in *reason. One reference. */
bn_region *bn_region_map(int file, uint64_t offset, uint64_t length, const char **reason);

/* Another reference to the living heap of this number, or NULL. Clears its `gone` word. */
bn_region *bn_region_attach(uint32_t number);

/* Makes [0, bytes) of a heap usable; 0 when the system has no more. Fresh memory is zero. */
int bn_region_grow(bn_region *region, uint64_t bytes);

/* Zeroes [address, address + length) and gives whole pages of it back to the system until they are used again. */
void bn_region_clear(bn_region *region, uint8_t *address, uint64_t length);

/* Gives all pages of a heap back to the system. Late writes find fresh ones. */
void bn_region_empty(bn_region *region);

void bn_region_retain(bn_region *region);
void bn_region_release(bn_region *region);

uint32_t bn_region_number(const bn_region *region);
uint8_t *bn_region_base(const bn_region *region);
uint64_t bn_region_bytes(const bn_region *region);
/* Set when a thread that had attached is gone; see bn_barrier. */
int32_t *bn_region_gone(bn_region *region);

/* Bytes of physical memory, or 0 where that is not told. */
uint64_t bn_physical_bytes(void);

/* Regions that are alive, for tests. */
uint32_t bn_region_count(void);

#endif
