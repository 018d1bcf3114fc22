// @ts-check
/**
 * How each event is told: hand-written frames, the one table that the teller chooses from and the checker reads a text
 * back with. `(a|b)` is a choice, in which a part written twice is chosen twice as often; `$` begins a slot:
 *
 *     $A $B      people                  $He $he $his $him   A again, as a pronoun
 *     $O $Q      the kite, the red kite  $aO $aQ             a red kite
 *     $P $toP    at the park, to the park
 *     $K $F      what somebody is, how somebody feels
 *
 * `{next}` and the like are the shared openings of MACROS.
 */

import { DEED_FRAMES } from './deeds.mjs';
import { FEELING_FRAMES } from './feelings.mjs';
import { PERSON_FRAMES } from './people.mjs';

/** Choices that many frames share. @type {Record<string, string>} */
export const MACROS = {
  next: '(|||Then |Then |Soon |Next |After that |Later )',
  so: '(|||So |So |Then )',
  day: '(One day |One day |One morning |Today |That day |After lunch |Early one morning )',
  alas: '(But then |But then |But soon |But one day |Then |Suddenly )',
  end: '(|In the end |At last |Now |That evening )',
  far: '(went|went|walked|ran|hurried|came)',
  nice: '(little|little|small|young|kind|brave|clever|merry|quiet|gentle|funny|shy)',
  much: '(|| very much| so much)',
};

/** Frames by name of the event. @type {Record<string, string[]>} */
export const FRAMES = { ...PERSON_FRAMES, ...DEED_FRAMES, ...FEELING_FRAMES };
