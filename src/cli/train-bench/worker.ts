/** What a thread of measure-kernels.ts runs. */
import { serveTeam } from '../../kernels/team/worker-host.ts';
import { BENCH_PROGRAMS } from './programs.ts';

serveTeam(BENCH_PROGRAMS);
