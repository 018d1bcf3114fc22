/**
 * The worker's side of a team: binds the kernels once, then runs programs as the parent names them. A worker module calls
 * {@link serveTeam} with the programs it knows; team.ts is the other side.
 */
import { onParentMessage, postToParent } from '#platform';
import { BitnetError } from '../../base/errors.ts';
import { type BackendShare, bindWorker } from '../backend.ts';
import { viewAt } from '../heap.ts';
import { breakBarrier, type HeapView, type Member, type Program } from './member.ts';

/** First message to a worker. */
export interface JoinMessage {
  readonly kind: 'join';
  readonly share: BackendShare;
  readonly index: number;
  readonly count: number;
  readonly barrier: number;
  /** of Tickets */
  readonly counter: number;
  /** for the binding itself, of workerScratchBytes */
  readonly bindScratch: number;
  /** for programs */
  readonly scratch: number;
}

/** Every later message to a worker. */
export interface RunMessage {
  readonly kind: 'run';
  readonly id: number;
  readonly program: string;
  readonly args: unknown;
}

/** What a worker answers: that it joined (id 0) or ran, or why not. */
export interface DoneMessage {
  readonly id: number;
  readonly error?: WorkerFault;
}

/** An error that crossed from a worker; `code` when it was a BitnetError. */
export interface WorkerFault {
  readonly message: string;
  readonly code?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Makes this thread a member of the team that its parent describes. */
export function serveTeam(programs: Readonly<Record<string, Program>>): void {
  let member: Member | undefined;
  let barrier = 0;
  onParentMessage((data) => {
    const message = data as JoinMessage | RunMessage;
    const id = message.kind === 'run' ? message.id : 0;
    try {
      if (message.kind === 'join') {
        member = join(message);
        barrier = message.barrier;
      } else if (member !== undefined) programs[message.program]!(member, message.args as never);
      postToParent({ id } satisfies DoneMessage);
    } catch (error) {
      postToParent({ id, error: faultOf(error) } satisfies DoneMessage);
      if (member !== undefined) breakBarrier(member.heap, barrier);
    }
  });
}

function faultOf(error: unknown): WorkerFault {
  if (error instanceof BitnetError) {
    return { code: error.code, message: error.message, details: error.details };
  }
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

function join(message: JoinMessage): Member {
  const { kernels, memory } = bindWorker(message.share, message.bindScratch);
  const heap: HeapView = {
    u8: (address, length) => viewAt(Uint8Array, memory, address, length),
    i32: (address, length) => viewAt(Int32Array, memory, address, length),
    f32: (address, length) => viewAt(Float32Array, memory, address, length),
  };
  return {
    kernels,
    heap,
    index: message.index,
    count: message.count,
    scratch: message.scratch,
    tickets: { counter: message.counter, first: 0, drawn: undefined },
    barrier: () => kernels.barrier(message.barrier, message.count),
  };
}
