/** The model that comes with the package, and which model is meant where none is given. */
import { fileURLToPath } from 'node:url';

/** The name that the model in the package goes by. */
export const BUNDLED_MODEL = 'tales';

/** The path of the model that comes with the package. */
export function bundledModelPath(): string {
  return fileURLToPath(new URL('../../../models/tales/tales.i2_s.gguf', import.meta.url));
}

/** The model of a command line that names none: BITNET_MODEL, or the bundled one. */
export function defaultModel(environment: NodeJS.ProcessEnv = process.env): {
  label: string;
  source: string;
} {
  const named = environment.BITNET_MODEL || undefined;
  return { label: named ?? BUNDLED_MODEL, source: named ?? bundledModelPath() };
}

/** The name of a model as the user wrote it, or that of the one which is used when none is given. */
export function modelLabel(source: string | undefined): string {
  return source ?? defaultModel().label;
}
