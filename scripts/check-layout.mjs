#!/usr/bin/env node
// @ts-check
/**
 * Checks what keeps the tree readable and what no other tool here checks: lengths of files, sizes and names of folders,
 * docstrings on exported symbols, and that ranks 0 to 4 stay free of Node (imports between ranks are the business of
 * .dependency-cruiser.cjs). Prints one `file:line: sentence` per violation and fails if there is any.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const FOLDERS = ['src', 'test', 'web', 'scripts', 'assembly', 'examples', 'bench', 'models'];
const SOURCE = /\.(ts|tsx|mts|cts|js|mjs|cjs|c|h|html|css|sh)$/;
const TEST = /\.test\.ts$/;
const MAX_LINES = 400;
const MAX_TEST_LINES = 600;
const MAX_FILES = 12;
/** Files that may be longer because a program wrote them or they are plain data, with the reason. */
const LENGTH_EXEMPTIONS = new Map(/** @type {[string, string][]} */ ([]));

/** Drawers: whatever is put into them belongs to a subject that has a name. */
const FORBIDDEN_NAMES = /^(utils?|helpers?|common|misc|types?)$/;
const ALLOWED_NAMES = new Set(['src/formats/gguf/types.ts']);
const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** Folders of ranks 0 to 4, which run in browsers too, and one of rank 5 that does. */
const ISOMORPHIC =
  /^src\/(base|formats|tensor|kernels|tokenizer|hub|model|engine|train|fit|inside)\/|^src\/index\.ts$/;
const NODE_GLOBALS = new Set(['process', 'Buffer', '__dirname', '__filename', 'require', 'setImmediate']);

/** @type {{ place: string, sentence: string }[]} */
const violations = [];

/**
 * @param {string} file
 * @param {number} line counted from 1
 * @param {string} sentence
 */
function report(file, line, sentence) {
  violations.push({ place: `${file}:${line}`, sentence });
}

/** @param {string} folder relative to the root, with forward slashes */
function checkFolder(folder) {
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  const sources = entries
    .filter((entry) => entry.isFile() && SOURCE.test(entry.name))
    .map((entry) => entry.name);
  const counted = sources.filter((name) => !TEST.test(name));
  if (counted.length > MAX_FILES) {
    report(
      folder,
      1,
      `${counted.length} files besides tests are more than ${MAX_FILES}; divide the folder by subject`,
    );
  }
  if (sources.length > 0) checkName(folder, folder);
  for (const name of sources) {
    const file = `${folder}/${name}`;
    checkName(file, name.replace(/\..*$/, ''));
    checkSource(file, readFileSync(join(root, file), 'utf8'));
  }
  for (const entry of entries) {
    if (entry.isDirectory() && entry.name !== 'node_modules') checkFolder(`${folder}/${entry.name}`);
  }
}

/**
 * @param {string} path
 * @param {string} name its last part, without endings
 */
function checkName(path, name) {
  const last = name.slice(name.lastIndexOf('/') + 1);
  if (FORBIDDEN_NAMES.test(last) && !ALLOWED_NAMES.has(path)) {
    report(path, 1, `the name "${last}" says nothing about its subject; name it after what it holds`);
  }
  if (!KEBAB_CASE.test(last)) report(path, 1, `the name "${last}" is not in kebab-case`);
  if (last === 'index' && path.endsWith('.ts') && path !== 'src/index.ts') {
    report(path, 1, 'only src/index.ts is an index; import the file that has the symbol instead');
  }
}

/**
 * @param {string} file
 * @param {string} text
 */
function checkSource(file, text) {
  const lines = text.replace(/\n$/, '').split('\n').length;
  const limit = TEST.test(file) ? MAX_TEST_LINES : MAX_LINES;
  if (lines > limit && !LENGTH_EXEMPTIONS.has(file)) {
    report(file, limit + 1, `${lines} lines are more than ${limit}; divide the file by subject`);
  }
  if (!file.startsWith('src/') || !file.endsWith('.ts') || TEST.test(file)) return;
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  for (const statement of tree.statements) checkDocstring(file, tree, statement);
  if (ISOMORPHIC.test(file)) checkIsomorphic(file, tree, tree);
}

/**
 * Exported declarations need a docstring. Re-exports, overloads after the first, and the type that goes with a constant
 * of the same name (`as const` objects) do not.
 *
 * @param {string} file
 * @param {ts.SourceFile} tree
 * @param {ts.Statement} statement
 */
function checkDocstring(file, tree, statement) {
  const isExported =
    ts.canHaveModifiers(statement) &&
    ts.getModifiers(statement)?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword);
  if (!isExported || ts.isImportEqualsDeclaration(statement)) return;
  const names = exportedNames(statement);
  const previous = tree.statements[tree.statements.indexOf(statement) - 1];
  const continuesPrevious =
    (ts.isFunctionDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) &&
    previous !== undefined &&
    !ts.isExportDeclaration(previous) &&
    exportedNames(previous)[0] === names[0];
  if (continuesPrevious || hasDocstring(tree, statement)) return;
  report(file, lineOf(tree, statement), `the exported ${names.join(', ')} has no docstring`);
}

/** @param {ts.Statement} statement */
function exportedNames(statement) {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map((declaration) => declaration.name.getText());
  }
  const { name } = /** @type {ts.DeclarationStatement} */ (statement);
  return [name === undefined ? 'default' : name.getText()];
}

/**
 * True when a doc comment stands above a statement; in a file of one symbol the header may be it.
 *
 * @param {ts.SourceFile} tree
 * @param {ts.Statement} statement
 */
function hasDocstring(tree, statement) {
  const comments = ts.getLeadingCommentRanges(tree.text, statement.getFullStart()) ?? [];
  return comments.some((comment) => tree.text.startsWith('/**', comment.pos));
}

/**
 * @param {string} file
 * @param {ts.SourceFile} tree
 * @param {ts.Node} node
 */
function checkIsomorphic(file, tree, node) {
  if (ts.isStringLiteralLike(node) && isModuleName(node) && isBuiltin(node.text)) {
    report(
      file,
      lineOf(tree, node),
      `${node.text} exists in Node only; what needs it belongs into src/platform/`,
    );
  }
  if (ts.isIdentifier(node) && NODE_GLOBALS.has(node.text) && isReference(node)) {
    report(
      file,
      lineOf(tree, node),
      `the global ${node.text} exists in Node only; ask src/platform/ instead`,
    );
  }
  node.forEachChild((child) => checkIsomorphic(file, tree, child));
}

/** @param {ts.StringLiteralLike} node */
function isModuleName(node) {
  const { parent } = node;
  return (
    ((ts.isImportDeclaration(parent) || ts.isExportDeclaration(parent)) && parent.moduleSpecifier === node) ||
    (ts.isCallExpression(parent) && parent.expression.kind === ts.SyntaxKind.ImportKeyword) ||
    (ts.isLiteralTypeNode(parent) && ts.isImportTypeNode(parent.parent))
  );
}

/**
 * True for a name that is read, false for one that names a member, a property or something of the file's own.
 *
 * @param {ts.Identifier} node
 */
function isReference(node) {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) {
    return parent.expression === node || parent.expression.getText() === 'globalThis';
  }
  if (ts.isQualifiedName(parent)) return parent.left === node;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  const declares =
    ts.isVariableDeclaration(parent) ||
    ts.isParameter(parent) ||
    ts.isBindingElement(parent) ||
    ts.isFunctionDeclaration(parent) ||
    ts.isMethodDeclaration(parent) ||
    ts.isMethodSignature(parent) ||
    ts.isPropertySignature(parent) ||
    ts.isPropertyDeclaration(parent);
  return !declares || parent.name !== node;
}

/**
 * @param {ts.SourceFile} tree
 * @param {ts.Node} node
 */
function lineOf(tree, node) {
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
}

for (const folder of FOLDERS) if (existsSync(join(root, folder))) checkFolder(folder);
for (const { place, sentence } of violations) process.stdout.write(`${place}: ${sentence}\n`);
if (violations.length > 0) {
  process.stdout.write(`${violations.length} violations of the layout\n`);
  process.exitCode = 1;
} else {
  process.stdout.write('the layout is in order\n');
}
