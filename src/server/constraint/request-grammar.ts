/** What a request asks for as one grammar: an answer of some format, calls of tools, or either. */
import { BitnetError } from '../../base/errors.ts';
import { CALL_BEGIN, CALL_END } from '../tools/call-format.ts';
import type { ToolDefinition } from '../tools/tool-definition.ts';
import type { ConstraintRequest, OutputFormat } from './constraint-compiler.ts';
import { GrammarRules, literal } from './grammar/grammar-rules.ts';
import { JsonGrammar } from './grammar/json-grammar.ts';
import { parseRegex } from './regex/parse-regex.ts';
import { RegexWriter, withoutAnchors } from './regex/regex-grammar.ts';
import { SchemaWriter } from './schema/schema-grammar.ts';

const MAX_CHOICES = 1000;

/**
 * The EBNF of a request; undefined where anything may be generated.
 *
 * @param maxStates see GrammarRules
 * @throws as ConstraintCompiler.compile
 */
export function requestGrammar(request: ConstraintRequest, maxStates: number): string | undefined {
  const { format, tools, toolChoice, parallelToolCalls } = request;
  const rules = new GrammarRules(maxStates);
  const json = new JsonGrammar(rules);
  if (tools.length === 0 || toolChoice === 'none') {
    return format.kind === 'text' ? undefined : rules.text(answerRule(format, json));
  }
  const offered =
    typeof toolChoice === 'object' ? tools.filter((tool) => tool.name === toolChoice.name) : tools;
  if (offered.length === 0)
    throw new BitnetError('option/tool-choice', 'the tool to be called is none of the tools');
  const call = rules.add(offered.map((tool) => callRule(tool, json)).join(' | '));
  if (toolChoice === 'auto' && format.kind === 'text') {
    return rules.text(
      `TagDispatch((${literal(CALL_BEGIN)}, ${call}), stop_eos=true, loop_after_dispatch=${parallelToolCalls})`,
    );
  }
  const more = rules.reserve();
  rules.define(more, parallelToolCalls ? `"" | "\\n" ${literal(CALL_BEGIN)} ${call} ${more}` : '""');
  const calls = `${literal(CALL_BEGIN)} ${call} ${more}`;
  return rules.text(toolChoice === 'auto' ? `${answerRule(format, json)} | ${calls}` : calls);
}

/** A call behind its opening tag. */
function callRule(tool: ToolDefinition, json: JsonGrammar): string {
  const parameters = tool.parameters ?? { type: 'object', properties: {}, additionalProperties: false };
  try {
    const rule = new SchemaWriter(json, parameters).rule({ schema: parameters, pointer: '#' });
    const head = literal(`\n{"name": ${JSON.stringify(tool.name)}, "arguments": `);
    return `${head} ${rule} ${literal(`}\n${CALL_END}`)}`;
  } catch (cause) {
    if (!(cause instanceof BitnetError)) throw cause;
    throw new BitnetError(cause.code, `tool "${tool.name}": ${cause.message}`, {
      details: cause.details,
      cause,
    });
  }
}

function answerRule(
  format: Exclude<OutputFormat, { kind: 'text' }> | OutputFormat,
  json: JsonGrammar,
): string {
  switch (format.kind) {
    case 'json':
      return json.object;
    case 'schema':
      return new SchemaWriter(json, format.schema).rule({ schema: format.schema, pointer: '#' });
    case 'regex':
      return new RegexWriter(json.rules, 'plain').write(withoutAnchors(parseRegex(format.pattern)), json.end);
    case 'choices':
      return json.rules.add(choices(format.choices, json.rules));
    default:
      throw new Error('text has no grammar');
  }
}

function choices(texts: readonly string[], rules: GrammarRules): string {
  if (texts.length === 0 || texts.some((text) => text === '')) {
    throw new BitnetError('schema/invalid', 'a list of choices needs at least one, and none may be empty');
  }
  if (texts.length > MAX_CHOICES) {
    throw new BitnetError('schema/too-large', `a list of choices may have at most ${MAX_CHOICES} texts`);
  }
  return rules.listed(texts);
}
