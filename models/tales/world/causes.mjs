// @ts-check
/**
 * What makes people of the tales feel how. A clause says the cause, with A for who feels, in the same words in the tale
 * ("Lily was happy because …"), and as the answer to why.
 */

/** @typedef {{ feeling: string, clause: string }} Cause */

/** @type {Record<string, Cause>} */
export const CAUSES = {
  got: { feeling: 'happy', clause: '$B gave $O to $A' },
  gave: { feeling: 'proud', clause: '$A gave $O to $B' },
  traded: { feeling: 'happy', clause: '$A got $O' },
  lost: { feeling: 'sad', clause: '$A lost $O' },
  forgot: { feeling: 'sad', clause: '$A forgot $O' },
  found: { feeling: 'happy', clause: '$A found $O' },
  refused: { feeling: 'sad', clause: '$B said no' },
  refuser: { feeling: 'sorry', clause: '$A said no' },
  robbed: { feeling: 'angry', clause: '$B took $O' },
  robber: { feeling: 'sorry', clause: '$A took $O' },
  mended: { feeling: 'happy', clause: '$B fixed $O' },
  mender: { feeling: 'proud', clause: '$A fixed $O' },
  freed: { feeling: 'happy', clause: '$B helped $A' },
  helper: { feeling: 'proud', clause: '$A helped $B' },
  comforted: { feeling: 'calm', clause: '$B stayed with $A' },
  comforter: { feeling: 'proud', clause: '$A stayed with $B' },
  winner: { feeling: 'proud', clause: '$A won the race' },
  runner: { feeling: 'happy', clause: '$A ran with $B' },
};

/** Everything one may feel. @type {readonly string[]} */
export const FEELINGS = [...new Set(Object.values(CAUSES).map(({ feeling }) => feeling))];

/**
 * The clause of a cause.
 *
 * @param {string} name
 * @param {Record<string, string>} args
 */
export function clauseOf(name, args) {
  return (CAUSES[name]?.clause ?? '')
    .replace(/\$O/g, `the ${args.O}`)
    .replace(/\$([AB])/g, (_, slot) => args[slot] ?? '');
}
