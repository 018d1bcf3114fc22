/**
 * How calls of tools are written in a reply: `<tool_call>`, a line of JSON with name and arguments, `</tool_call>`. Models
 * that were trained to call tools mostly write this form (Hermes, Qwen); others are told about it in a system message.
 */

/** Opens a call. */
export const CALL_BEGIN = '<tool_call>';
/** Closes it. */
export const CALL_END = '</tool_call>';
