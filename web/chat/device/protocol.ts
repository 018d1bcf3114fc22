/**
 * What the page and the worker that runs models on this device say to each other: calls with a number, each with any amount
 * of news and one answer. Everything is plain data. A call is added to {@link Calls} and to the handlers of worker.ts.
 */
import type {
  DotProduct,
  InsideOverview,
  MatrixPlace,
  TileRequest,
  ValueCounts,
} from '../transport/inside-source.ts';
import type { MachineReading } from '../transport/machine-reading.ts';
import type {
  ModelChoice,
  Progress,
  ReplyDelta,
  ReplyEnd,
  ReplyRequest,
  Runtime,
  TransportError,
} from '../transport/transport.ts';

/** What can be asked of the worker: with what, what comes meanwhile, and what in the end. */
export interface Calls {
  models: { asked: undefined; news: never; answer: readonly ModelChoice[] };
  load: { asked: string; news: Progress; answer: Runtime };
  reply: { asked: ReplyRequest; news: ReplyDelta; answer: ReplyEnd };
  machine: { asked: undefined; news: never; answer: MachineReading };
  add: { asked: File; news: Progress; answer: string };
  remove: { asked: string; news: never; answer: undefined };
  insideOverview: { asked: string; news: never; answer: InsideOverview };
  insideCounts: { asked: string; news: ValueCounts; answer: undefined };
  insideTile: { asked: OfModel<{ request: TileRequest }>; news: never; answer: Int8Array };
  insideShares: { asked: OfModel<{ request: TileRequest }>; news: never; answer: Uint8Array };
  insideDot: {
    asked: OfModel<{ place: MatrixPlace; row: number; text: string }>;
    news: never;
    answer: DotProduct;
  };
}

type OfModel<Asked> = { readonly modelId: string } & Readonly<Asked>;

/** Names of the calls. */
export type CallName = keyof Calls;

/** To the worker. */
export type ToWorker =
  /** First of all: the address of the page's folder. */
  | { readonly kind: 'start'; readonly page: string }
  | { readonly kind: 'call'; readonly id: number; readonly name: CallName; readonly asked: unknown }
  | { readonly kind: 'abort'; readonly id: number };

/** From the worker. */
export type FromWorker =
  | { readonly kind: 'news'; readonly id: number; readonly news: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  /** One sentence for the user. */
  | {
      readonly kind: 'failed';
      readonly id: number;
      readonly reason: TransportError['reason'];
      readonly sentence: string;
    };

/** Answers one kind of call. */
export type Handler<Name extends CallName> = (
  asked: Calls[Name]['asked'],
  tell: (news: Calls[Name]['news']) => void,
  signal: AbortSignal,
) => Promise<Calls[Name]['answer']>;
