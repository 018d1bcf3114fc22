/** What the tab Inside looks at, shared by its sections: the model's overview, the chosen matrix and weight, the counts. */
import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type {
  DotProduct,
  InsideOverview,
  InsideSource,
  MatrixFacts,
  MatrixPlace,
  ValueCounts,
} from '../transport/inside-source.ts';

/** A weight of the chosen matrix. */
export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** Counts come by the hundred; the page is drawn no more often than this. */
const DRAW_MS = 120;

/** See the file's header. */
export class Look {
  readonly source: InsideSource;
  readonly overview: InsideOverview;
  /** Where {@link overview} has its matrices. */
  readonly chosen: Signal<number> = signal(0);
  readonly cell: Signal<Cell> = signal({ row: 0, column: 0 });
  /** Of as many matrices as were counted, in the order of the overview. */
  readonly counts: Signal<readonly ValueCounts[]> = signal([]);
  /** Why there will be no more of them. */
  readonly countFault: Signal<string | undefined> = signal(undefined);
  /** The last product that was worked out. */
  readonly product: Signal<DotProduct | undefined> = signal(undefined);
  readonly matrix: ReadonlySignal<MatrixFacts | undefined> = computed(
    () => this.overview.matrices[this.chosen.value],
  );

  constructor(source: InsideSource, overview: InsideOverview) {
    this.source = source;
    this.overview = overview;
    const middle = overview.matrices.findIndex(
      ({ layer, name }) => layer === Math.floor(overview.layers / 2) && name === 'q',
    );
    this.chosen.value = Math.max(middle, 0);
  }

  /** Takes another matrix, and its first weight. */
  choose({ layer, name }: MatrixPlace): void {
    const found = this.overview.matrices.findIndex(
      (matrix) => matrix.layer === layer && matrix.name === name,
    );
    if (found < 0 || found === this.chosen.peek()) return;
    this.chosen.value = found;
    this.cell.value = { row: 0, column: 0 };
  }

  /** Takes a weight, or the nearest one that there is. */
  pick({ row, column }: Cell): void {
    const matrix = this.matrix.peek();
    if (matrix === undefined) return;
    const within = (value: number, end: number) => Math.min(Math.max(value, 0), end - 1);
    this.cell.value = { row: within(row, matrix.rows), column: within(column, matrix.columns) };
  }

  /** Counts all weights, once. */
  async count(signal: AbortSignal): Promise<void> {
    const counts: ValueCounts[] = [];
    let drawn = 0;
    try {
      for await (const one of this.source.counts(this.overview.modelId, signal)) {
        counts.push(one);
        if (performance.now() - drawn < DRAW_MS) continue;
        drawn = performance.now();
        this.counts.value = counts.slice();
      }
      this.counts.value = counts;
    } catch (error) {
      if (!signal.aborted) this.countFault.value = error instanceof Error ? error.message : String(error);
    }
  }
}
