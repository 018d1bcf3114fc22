// @ts-check
/** Frames of the weather and of how tales end; how they are written is told in frames.mjs. */

/** @type {Record<string, string[]>} */
export const SCENE_FRAMES = {
  fine: [
    'It was a (sunny|warm|fine|lovely|quiet|bright) (day|morning).',
    'The sun was (shining|warm|bright).',
    'The birds sang(| in the trees| all day| a happy song).',
    'A (soft|warm|gentle) wind blew.',
    'It was (summer|spring|winter).',
    'The sky was (clear|bright).',
    'There was not a cloud in the sky.',
    'The (flowers|trees) smelled (sweet|fresh).',
    'The grass was (wet|soft|long).',
    'It rained (a little|all day|all morning).',
    'Snow lay on the (road|grass|trees).',
    'The leaves (fell|danced) in the wind.',
  ],
  has: [
    '{end}$A had $O.',
    '{end}$A still had $O.',
    '{end}$A kept $O.',
    '{end}$A (held|kept) $O (with both hands|for a long time).',
  ],
  stay: [
    '{end}$O stayed $P.',
    '{end}$O still stayed $P.',
    '{end}$O stayed (alone|all night) $P.',
    'No one found $O, and it stayed $P.',
  ],
  friends: [
    'From that day on $A and $B met every day.',
    '$A and $B stayed (good |best |)friends.',
    '$A and $B always helped each other after that.',
    '$A and $B (played|laughed|sang|danced) together.',
    '(From that day on|After that) $A and $B (shared everything|played every day).',
    '$A and $B (ate some cake|drank some tea|sang a song) and laughed.',
    '"We are friends," said $A, and $A and $B (smiled|laughed|danced).',
  ],
  lessonGive: [
    'It is good to (share|give).',
    'And everyone learned to share.',
    '(Good friends|Friends) share.',
    'It is (more|great) fun to share.',
    'To share is to be kind.',
  ],
  lessonHelp: [
    'It is good to help(| a friend| others).',
    'And everyone learned to help.',
    '(Good friends|Friends) help each other.',
    'Two can do more than one.',
    'To help is to be kind.',
  ],
  lessonSorry: [
    'It is good to say sorry.',
    'And everyone learned to say sorry.',
    '(Good friends|Friends) say sorry.',
    'It is (brave|kind) to say sorry.',
  ],
  lessonRace: [
    'It is fun to run.',
    'A race is only a game.',
    'It is (great fun|good) to (race|run) together.',
    'Friends race and stay friends.',
  ],
  theEnd: [
    'The end.',
    'And that is the end.',
    'That was the tale.',
    'That is the end of the (tale|story).',
    '(Here|And so) the (tale|story) ends.',
    'Good night!',
    'Now you know the (tale|story).',
  ],
};
