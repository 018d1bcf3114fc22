/** Failures in the shape of OpenAI's API: `{ "error": { message, type, param, code } }`. */
import { type Failure, failureOf } from '../../http/failure.ts';

/** The body of an answer that is an error. */
export interface OpenAiError {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

/** Types by status; other 4xx are the request's fault. @see https://platform.openai.com/docs/guides/error-codes */
const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  429: 'rate_limit_error',
};

/** The shape of a failure, as a body or as an event of a stream. */
export function openAiError({ status, code, message, parameter }: Failure): OpenAiError {
  const type = TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error');
  return { error: { message, type, param: parameter ?? null, code } };
}

/** The parameter behind the errors of lower layers, which know no dialect, by the first part of their code. */
export interface ParametersByArea {
  readonly prompt: string;
  readonly format?: string;
}

/** Any error as a failure that names a parameter of this dialect where one is at fault. */
export function openAiFailure(error: unknown, parameters: ParametersByArea): Failure {
  const failure = failureOf(error);
  const parameter = failure.parameter ?? parameterOf(failure, parameters);
  const { status, code, message, retryAfter } = failure;
  return {
    status,
    code,
    message,
    ...(parameter === undefined ? {} : { parameter }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
}

function parameterOf({ code, message }: Failure, { prompt, format }: ParametersByArea): string | undefined {
  const [area, what = ''] = code.split('/');
  switch (area) {
    case 'context_length_exceeded':
    case 'chat':
    case 'memory':
    case 'template':
    case 'tokenizer':
    case 'tokens':
      return prompt;
    case 'model_not_found':
      return 'model';
    case 'option':
      return what.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replaceAll('-', '_');
    case 'regex':
    case 'schema':
      // Schemas of tools are named in the message.
      return message.startsWith('tool "') ? 'tools' : format;
    default:
      return undefined;
  }
}
