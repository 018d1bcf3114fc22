/** The plain modules of models/tales as the tests use them; they have no declaration files. */

export interface Message {
  readonly role: string;
  readonly content: string;
}

export interface WorldEvent {
  readonly name: string;
  readonly args: Readonly<Record<string, string>>;
}

export interface World {
  readonly people: ReadonlyMap<
    string,
    { readonly feels: string | null; readonly why: string | null; readonly kind: string }
  >;
  readonly things: ReadonlyMap<string, { readonly color: string }>;
  readonly events: readonly WorldEvent[];
}

export interface Question {
  readonly kind: string;
  readonly question: string;
  readonly answer: string;
}

export interface Wish {
  readonly people: readonly string[];
  readonly things: readonly { readonly noun: string; readonly color: string }[];
  readonly places: readonly string[];
  readonly topic: string | null;
}

export interface TestItem {
  readonly prompt: string;
  readonly wish: Wish;
  readonly heldOut: readonly (readonly [string, string])[];
  readonly tale: string;
  readonly questions: readonly Question[];
}

export interface Tale {
  readonly text: string;
  readonly plot: string;
  readonly world: World;
}

export type Verdict =
  | { readonly ok: true; readonly world: World }
  | { readonly ok: false; readonly reason: string; readonly at: string };

export interface RandomChoices {
  readonly nats: number;
  pick<T>(items: readonly T[]): T;
}

export interface Ngram {
  add(tokens: readonly number[]): void;
  finish(): void;
  score(tokens: readonly number[]): number;
}

export interface Copies {
  read(tokens: readonly number[]): void;
  longest(): { readonly start: number; readonly length: number }[];
}

async function load<T>(file: string): Promise<T> {
  return (await import(`bitnet.ts/models/tales/${file}`)) as T;
}

export const { trainingLines, testItems } = await load<{
  trainingLines(seed: number, count: number, pieces: readonly string[]): Iterable<string>;
  testItems(seed: number, count: number): TestItem[];
}>('data.mjs');
export const { checkTale, lackOf } = await load<{
  checkTale(text: string): Verdict;
  lackOf(world: World, wish: Wish): string | null;
}>('check.mjs');
export const { drawDocument, estimateTokens } = await load<{
  drawDocument(
    random: RandomChoices,
    part: 'train' | 'test',
  ): { document: { messages?: readonly Message[]; text?: string } };
  estimateTokens(text: string): number;
}>('documents.mjs');
export const { tellTale } = await load<{ tellTale(random: unknown, part: 'train' | 'test'): Tale }>(
  'world/teller.mjs',
);
export const { Random } = await load<{ Random: new (seed: string) => RandomChoices }>('world/random.mjs');
export const { allQuestions } = await load<{ allQuestions(world: World): Question[] }>('world/questions.mjs');
export const { PLOTS } = await load<{ PLOTS: Readonly<Record<string, unknown>> }>('world/plots.mjs');
export const { countFrames } = await load<{ countFrames(): { written: number; expanded: number } }>(
  'frames/grammar.mjs',
);
export const { NAMES, THINGS, PLACES, KIND_OF, isHeldOut, hasHeldOutPair } = await load<{
  NAMES: readonly string[];
  THINGS: readonly string[];
  PLACES: readonly string[];
  KIND_OF: ReadonlyMap<string, string>;
  isHeldOut(left: string, right: string): boolean;
  hasHeldOutPair(text: string): boolean;
}>('world/words.mjs');
export const { FEELINGS } = await load<{ FEELINGS: readonly string[] }>('world/causes.mjs');
export const { NgramModel } = await load<{ NgramModel: new (vocabularySize: number) => Ngram }>('ngram.mjs');
export const { CopyFinder } = await load<{
  CopyFinder: new (texts: readonly (readonly number[])[]) => Copies;
}>('copies.mjs');
