/** The model that is converted, as every part of a conversion sees it. */
import type { Inventory } from '../../model/loading/inventory.ts';
import type { OpenedModel } from '../../model/open.ts';
import type { Losses } from '../losses.ts';
import type { Slot } from './model-slots.ts';
import type { SurveyedMatrix } from './survey.ts';

/** See above. */
export interface Source {
  readonly model: OpenedModel;
  readonly inventory: Inventory;
  readonly slots: readonly Slot[];
  /** What every projection is, by its MatrixSource. */
  readonly surveyed: ReadonlyMap<unknown, SurveyedMatrix>;
  /** Of the result. */
  readonly name: string;
  readonly losses: Losses;
}
