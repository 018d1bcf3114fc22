// @ts-check
/**
 * The ranks of src/: a folder imports from lower ranks and from itself, never upward or sideways, and nothing imports in
 * a circle. Type imports count like all others, since a reader follows them too. `#platform` resolves into dist/ (by
 * the package's import conditions), so the rules know that path as src/platform/.
 */

/**
 * What each folder may import besides itself, lowest rank first. A folder of the same rank is listed only where one
 * builds on the other.
 *
 * @type {Record<string, string[]>}
 */
const mayImport = {};
const rank0 = ['base', 'platform'];
const rank1 = [...rank0, 'tensor', 'formats'];
const rank2 = [...rank1, 'kernels', 'tokenizer', 'hub'];
const rank3 = [...rank2, 'model'];
const rank4 = [...rank3, 'engine', 'train'];
const rank5 = [...rank4, 'eval', 'fit', 'inside', 'route', 'convert'];
mayImport.base = [];
mayImport.platform = ['base'];
mayImport.tensor = rank0;
mayImport.formats = [...rank0, 'tensor'];
for (const folder of ['kernels', 'tokenizer', 'hub']) mayImport[folder] = rank1;
mayImport.model = rank2;
// Inference and training meet only in a file.
for (const folder of ['engine', 'train']) mayImport[folder] = rank3;
for (const folder of ['eval', 'fit', 'inside', 'route', 'convert']) mayImport[folder] = rank4;
mayImport.server = rank5;
mayImport.mcp = [...rank5, 'server'];
mayImport.cli = [...rank5, 'server', 'mcp'];

const ranks = Object.entries(mayImport).map(([folder, others]) => {
  // The public API builds on rank 4; ranks above it may use it instead of the files behind it.
  const publicApi = others.includes('engine') ? ['^src/index\\.ts$'] : [];
  const platform = others.includes('platform') ? ['^#platform$', '^dist/platform/'] : [];
  const own = [folder, ...others].map((name) => `^src/${name}/`);
  return {
    name: `rank-${folder}`,
    severity: 'error',
    comment: `src/${folder}/ imports only ${[folder, ...others].join(', ')}`,
    from: { path: `^src/${folder}/` },
    to: { path: '^(src/|dist/|#)', pathNot: [...own, ...publicApi, ...platform] },
  };
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    .../** @type {any[]} */ (ranks),
    {
      name: 'rank-public-api',
      severity: 'error',
      comment: 'src/index.ts offers ranks 0 to 4 and nothing above them',
      from: { path: '^src/index\\.ts$' },
      to: {
        path: '^(src/|dist/|#)',
        pathNot: [...rank4.map((name) => `^src/${name}/`), '^#platform$', '^dist/platform/'],
      },
    },
    {
      name: 'no-unranked-folder',
      severity: 'error',
      comment: 'every file of src/ lies in a folder that has a rank here, but for the public API',
      from: {
        path: '^src/',
        pathNot: ['^src/index\\.ts$', ...Object.keys(mayImport).map((name) => `^src/${name}/`)],
      },
      to: {},
    },
    {
      name: 'no-circle',
      severity: 'error',
      comment: 'files that import each other in a circle cannot be read or tested one at a time',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-build-output',
      severity: 'error',
      comment: 'sources import sources; what was compiled from them is reached only through #platform',
      from: {},
      to: { path: '^(dist|build)/', dependencyTypesNot: ['aliased-subpath-import'] },
    },
    {
      name: 'no-dev-dependency',
      severity: 'error',
      comment: 'whoever installs the package has only its dependencies',
      from: { path: '^src/', pathNot: '\\.test\\.ts$' },
      // An optional peer counts as one of no package too.
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['npm-peer'] },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      comment: 'an import that leads nowhere',
      from: {},
      to: { couldNotResolve: true, pathNot: '^#platform$' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: ['^node_modules/', '^dist/', '^build/'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
    },
  },
};
