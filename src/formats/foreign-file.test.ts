/** Files that are no models: what they are is said by the readers that meet them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readGguf } from './gguf/read.ts';
import { readSafetensors } from './safetensors/read.ts';
import { blobSource } from './sources/blob.ts';

const POINTER = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1187801280\n';
const PAGE = '\n<!DOCTYPE html><html><head><title>Sign in</title></head></html>';

const source = (text: string) => blobSource(new File([text], 'model'));

test('a reader of GGUF says what else a file is, as far as it knows', async () => {
  for (const [text, said] of [
    [POINTER, /^model: this is no GGUF file: .*; it is a pointer of Git LFS .*git lfs pull/],
    [PAGE, /; it is a page that a server sent in place of the model/],
    ['PK\x03\x04 pytorch', /; it is a ZIP archive or weights of PyTorch/],
    ['\x10\0\0\0\0\0\0\0{"a":[]}', /; it is weights in safetensors; open the folder/],
    ['tjgg\x01\0\0\0', /; it is a file of an older format/],
    ['nothing known', /does not start with "GGUF"$/],
  ] as const) {
    await assert.rejects(readGguf(source(text)), { code: 'gguf/bad-magic', message: said });
  }
});

test('so does a reader of safetensors', async () => {
  for (const [text, said] of [
    [POINTER, /^model: .*this is no safetensors file; it is a pointer of Git LFS/],
    [PAGE, /; it is a page/],
    ['GGUF\x03\0\0\0 and more', /; it is a GGUF file/],
    ['nothing known', /this is no safetensors file$/],
  ] as const) {
    await assert.rejects(readSafetensors(source(text)), { code: 'safetensors/header-length', message: said });
  }
});
