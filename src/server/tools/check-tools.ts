/** Checks of tool definitions, the same for all dialects. */
import { BitnetError } from '../../base/errors.ts';
import type { ToolChoice, ToolDefinition } from './tool-definition.ts';

const MAX_TOOLS = 128;
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/**
 * Refuses what cannot be offered to a model. Schemas of arguments are checked where they are compiled.
 *
 * @throws BitnetError `option/tools` naming the tool, `option/tool-choice`
 */
export function checkTools(tools: readonly ToolDefinition[], choice: ToolChoice): void {
  if (tools.length > MAX_TOOLS) {
    throw new BitnetError(
      'option/tools',
      `there are ${tools.length} tools; at most ${MAX_TOOLS} are supported`,
    );
  }
  const names = new Set<string>();
  for (const tool of tools) {
    checkTool(tool);
    if (names.has(tool.name)) throw wrong(tool.name, 'is defined twice');
    names.add(tool.name);
  }
  if (choice === 'required' && tools.length === 0) {
    throw new BitnetError('option/tool-choice', 'a call is required but there are no tools');
  }
  if (typeof choice === 'object' && !names.has(choice.name)) {
    throw new BitnetError(
      'option/tool-choice',
      `the tool to be called, "${choice.name}", is none of the tools`,
    );
  }
}

function checkTool({ name, parameters }: ToolDefinition): void {
  if (!NAME.test(name))
    throw wrong(name, 'has a name that is not 1 to 64 letters, digits, underscores, dots or dashes');
  if (parameters === undefined) return;
  if (typeof parameters !== 'object' || parameters === null || Array.isArray(parameters)) {
    throw wrong(name, 'has parameters that are no JSON schema');
  }
  const type: unknown = 'type' in parameters ? parameters.type : undefined;
  const isReference = '$ref' in parameters;
  if (!isReference && type !== 'object')
    throw wrong(name, 'has parameters whose schema lacks "type": "object"');
}

function wrong(name: string, why: string): BitnetError {
  return new BitnetError('option/tools', `the tool ${JSON.stringify(name.slice(0, 80))} ${why}`);
}
