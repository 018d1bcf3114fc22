// @ts-check
/** Frames of who there is, where they go and what they have and want; how they are written is told in frames.mjs. */

/** @type {Record<string, string[]>} */
export const PERSON_FRAMES = {
  intro: [
    'Once upon a time there was a {nice}$K (named|called) $A.',
    'Once upon a time there was a {nice}$K (named|called) $A.',
    '(Long ago|Once) there lived a {nice}$K (named|called) $A.',
    'This is the (story|tale) of a {nice}$K (named|called) $A.',
    'In a (small|quiet|nice) (town|house|land) there lived a {nice}$K (named|called) $A.',
  ],
  friend: [
    '$A had a friend, a {nice}$K (named|called) $B.',
    '$A had a friend, a {nice}$K (named|called) $B.',
    '$A had a (good|dear|new) friend, a {nice}$K (named|called) $B.',
    '$A (knew|liked) a {nice}$K (named|called) $B.',
    'There (lived|was) also a {nice}$K (named|called) $B.',
  ],
  own: ['$A had $aO.', '$A always had $aO.', '$A (made|bought|loved) $aO.', '$A owned $aO.'],
  color: ['$O-cap was $c.'],
  be: ['{day}$A (sat|waited|rested|played) $P.', '{day}$A (sat|waited|rested|played) (alone|a while) $P.'],
  go: [
    '{day}$A {far} $toP.',
    '{day}$A {far} all the way $toP.',
    '{day}$A got up and {far} $toP.',
    '{day}$A sang a song and {far} $toP.',
  ],
  come: ['{next}$A {far} $toP.', '{next}$A {far} $toP too.'],
  goBoth: [
    '{next}$A and $B {far} $toP.',
    '{next}$A and $B {far} together $toP.',
    '"Come with me," said $A, and $A and $B {far} $toP.',
    '"Let us go," said $A, and $A and $B {far} $toP.',
  ],
  meet: [
    '{next}$A met $B $P.',
    'There $A met $B $P.',
    '{next}$A (saw|noticed) $B $P.',
    '{next}$A (waved|smiled) and met $B $P.',
  ],
  want: ['$A wanted $O.', '$A (really|often|always) wanted $O.', '$A looked at $O and wanted $O.'],
};
