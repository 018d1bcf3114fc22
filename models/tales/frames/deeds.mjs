// @ts-check
/** Frames of what people do with things and with each other, and of how tales end; how they are written is told in frames.mjs. */

/** @type {Record<string, string[]>} */
export const DEED_FRAMES = {
  lose: [
    '{alas}$A lost $O.',
    '{alas}$A fell down and lost $O.',
    '{alas}$A lost $O (in the dark|on the road|in the grass).',
    '{alas}the wind blew, and $A lost $O.',
  ],
  look: [
    '{next}$A looked for $O $P, but it was not there.',
    '{next}$A (looked|searched) for $O $P and (could not find it|found nothing).',
  ],
  find: [
    '{next}$A found $O $P.',
    'At last $A found $O $P.',
    '{next}$A looked (under a leaf|behind a tree|in the grass) and found $O $P.',
    '"Look!" said $A and found $O $P.',
  ],
  give: [
    '{next}$A gave $O to $B.',
    '{next}$A (smiled|nodded|laughed) and gave $O to $B.',
    '"This is for you," said $A and gave $O to $B.',
    '"Here you are," said $A and gave $O to $B.',
    '"Please take it," said $A and gave $O to $B.',
  ],
  trade: [
    '{next}$A gave $O to $B, and $B gave $Q to $A.',
    '"Let us trade," said $A. $A gave $O to $B, and $B gave $Q to $A.',
  ],
  ask: [
    '{next}$A asked $B for $O.',
    '"Please," said $A and asked $B for $O.',
    '{next}$A (came|stepped) near and asked $B for $O.',
    '"May I have it?" said $A and asked $B for $O.',
  ],
  yes: ['"(Yes|Yes, you may|Of course)," said $A.', '$A (nodded|thought about it) and said yes.'],
  no: [
    '"(No|No, it is mine|No, you may not)," said $A.',
    '$A thought about it and said no.',
    'But $A said no.',
  ],
  forget: [
    '{alas}$A forgot $O $P.',
    '{alas}$A put down $O and forgot it $P.',
    '{alas}$A fell asleep and forgot $O $P.',
  ],
  break: [
    '{alas}$A dropped $O, and it broke.',
    '{alas}$A fell on $O, and it broke.',
    '{alas}$A ran too fast with $O, and it broke.',
  ],
  mend: [
    '{next}$A fixed $O.',
    '"I can do it," said $A and fixed $O.',
    '$A worked (all day|for a long time) and fixed $O.',
    '$A took some (string|wood|glue) and fixed $O.',
  ],
  snatch: [
    '{alas}$A took $O from $B.',
    '{alas}$A (laughed|jumped|came near) and took $O from $B.',
    '"Now it is mine!" said $A and took $O from $B.',
  ],
  sorry: [
    '{next}$A said sorry to $B.',
    '"I was not kind," said $A and said sorry to $B.',
    '$A looked down and said sorry to $B.',
  ],
  thank: [
    '"Thank you, $B," said $A.',
    '"Thank you (so|very) much, $B," said $A.',
    '"That was kind, $B," said $A.',
    '{next}$A thanked $B.',
  ],
  race: [
    '{next}$A and $B raced $toP.',
    '"Let us race," said $A, and $A and $B raced $toP.',
    '{next}$A and $B (ran a race|had a race) $toP.',
  ],
  first: [
    '$A ran (fast|faster|like the wind) and won the race.',
    '$A (came in first|jumped ahead) and won the race.',
    '$A won the race.',
  ],
  win: ['The prize went to $A: $A got $aO.', 'For this $A got $aO.'],
  cry: [
    '$A cried.',
    '$A (sighed|sat down and cried).',
    '"Oh no!" said $A.',
    '"Oh dear!" said $A.',
    '$A did not want to (play|eat|sing|talk).',
  ],
  comfort: [
    '{next}$A stayed with $B.',
    '{next}$A sang a song and stayed with $B.',
    '"It is all right," said $A and stayed with $B.',
    '"I am here," said $A and stayed with $B.',
  ],
  help: [
    '"I will help you, $B," said $A.',
    '"Do not cry, $B," said $A.',
    '"We will find a way, $B," said $A.',
  ],
  noise: [
    '{alas}$A heard a noise.',
    '{alas}$A heard a (loud|strange) noise.',
    '{alas}it got dark, and $A heard a noise.',
    'Boom! $A heard a (loud|strange) noise.',
  ],
  stuck: [
    '{day}$A fell into a hole $P.',
    '{day}$A got stuck (in the mud|under a branch|between two rocks) $P.',
    '{day}$A got stuck $P.',
  ],
  free: [
    '{next}$A helped $B and pulled (hard|and pulled|with both hands).',
    '{next}$A helped $B.',
    '"Hold on!" said $A and helped $B.',
    '$A took a (long|strong) (stick|branch) and helped $B.',
  ],
  fine: [
    'It was a (sunny|warm|fine|lovely) (day|morning).',
    'The sun was (shining|warm|bright).',
    'The birds sang.',
    'A soft wind blew.',
  ],
  has: ['{end}$A had $O.', '{end}$A still had $O.', 'So $A had $O.'],
  stay: ['{end}$O stayed $P.', '{end}$O still stayed $P.'],
  friends: [
    'From that day on $A and $B met every day.',
    '$A and $B stayed (good |best |)friends.',
    '$A and $B always helped each other after that.',
  ],
  lessonGive: ['It is good to (share|give).', 'And everyone learned to share.'],
  lessonHelp: ['It is good to help(| a friend| others).', 'And everyone learned to help.'],
  lessonSorry: ['It is good to say sorry.', 'And everyone learned to say sorry.'],
  lessonRace: ['It is fun to run.', 'A race is only a game.'],
  theEnd: ['The end.', 'And that is the end.', 'That was the tale.'],
};
