/** For team.test.ts: programs that do their share, or fail in one way or another; as a worker's module it serves them. */
import { BitnetError } from '../../base/errors.ts';
import { type Member, type Program, share, takeShares } from './member.ts';
import { serveTeam } from './worker-host.ts';

/** What a program is told: where to write, and who is to fail. */
export interface TestArgs {
  readonly address: number;
  readonly length: number;
  readonly who?: number;
}

/** By name; each member has its own set. */
export const TEST_PROGRAMS: Readonly<Record<string, Program>> = {
  /** Adds index + 1 to this member's share of bytes. */
  fill(member: Member, { address, length }: TestArgs) {
    const [from, to] = share(member, length);
    const bytes = member.heap.u8(address, length);
    for (let i = from; i < to; i++) bytes[i]! += member.index + 1;
  },
  /** Adds 1 to each byte in pieces that members take, again and again. */
  takePieces(member: Member, { address, length }: TestArgs) {
    for (let round = 0; round < 50; round++) {
      const bytes = member.heap.u8(address, length);
      // Two after each other, so that one member may be in the second while another is in the first.
      for (const half of [bytes.subarray(0, length / 2), bytes.subarray(length / 2)]) {
        takeShares(member, half.length, 3, (start, end) => {
          for (let i = start; i < end; i++) half[i]! += 1;
        });
      }
      member.barrier();
    }
  },
  /** Counts in turns: after each barrier every member must see what all others wrote before it. */
  count(member: Member, { address, length }: TestArgs) {
    const slots = member.heap.f32(address, member.count);
    for (let round = 1; round <= length; round++) {
      slots[member.index] = round;
      member.barrier();
      for (const slot of slots) if (slot !== round) throw new Error(`round ${round} saw ${slot}`);
      member.barrier();
    }
  },
  /** Marks this member's scratch and checks, when all have, that it is still its own. */
  scratch(member: Member) {
    member.heap.u8(member.scratch, 64).fill(member.index + 1);
    member.barrier();
    const own = member.heap.u8(member.scratch, 64);
    if (own.some((byte) => byte !== member.index + 1)) throw new Error('scratch is shared');
  },
  throwError(member: Member, { who }: TestArgs) {
    if (member.index === who) throw new Error('planted');
  },
  throwBitnetError(member: Member, { who }: TestArgs) {
    if (member.index === who) throw new BitnetError('test/planted', 'planted', { details: { who } });
  },
  /** One member fails while the others wait for it. */
  throwBeforeBarrier(member: Member, { who }: TestArgs) {
    if (member.index === who) throw new Error('planted');
    member.barrier();
  },
  /** One member's thread ends without a word while the others wait for it. */
  leaveBeforeBarrier(member: Member, { who }: TestArgs) {
    if (member.index === who) process.exit();
    member.barrier();
  },
};

serveTeam(TEST_PROGRAMS);
