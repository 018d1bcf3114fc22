// @ts-check
/**
 * How each event is told: hand-written frames, the one table that the teller chooses from and the checker reads a text
 * back with. `(a|b)` is a choice; the first part of a choice and the first frame of an event are told most often. `$` begins
 * a slot:
 *
 *     $A $B      people           $K    what somebody is
 *     $O $Q      the kite         $aO   a red kite         $c   red
 *     $P $toP    at the park, to the park
 *
 * `{next}` and the like are the shared openings of MACROS. No frame begins a tale with a name or has a pronoun for a
 * person, and only a feeling follows a name and "was": what a question asks for can be found again by its words.
 */

import { CAUSES } from '../world/causes.mjs';
import { DEED_FRAMES } from './deeds.mjs';
import { PERSON_FRAMES } from './people.mjs';
import { SCENE_FRAMES } from './scenes.mjs';

/** Choices that many frames share. @type {Record<string, string>} */
export const MACROS = {
  next: '(|Then |Soon |Next |After that |Later |Before long |A little later )',
  day: '(|One day |One morning |That day |After lunch |Early one morning |On Sunday |One fine day |One evening )',
  alas: '(But then |But soon |Suddenly |But a little later )',
  end: '(|In the end |At last |Now |That evening |So )',
  far: '(went|walked|ran|hurried|came|danced)',
  nice: '(|little |small |young |kind |brave |clever |merry |quiet |gentle |funny |shy |jolly |sweet |good )',
};

/** Frames by name of the event. @type {Record<string, string[]>} */
export const FRAMES = {
  ...PERSON_FRAMES,
  ...DEED_FRAMES,
  ...SCENE_FRAMES,
  ...Object.fromEntries(
    Object.entries(CAUSES).map(([name, { feeling, clause }]) => [
      `feel:${name}`,
      [`{end}$A was ${feeling} because ${clause}.`],
    ]),
  ),
};
