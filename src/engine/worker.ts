/** What a compute thread runs: it joins the team that engine.ts makes. */
import { serveTeam } from '../kernels/team/worker-host.ts';
import { createPrograms } from './programs.ts';

serveTeam(createPrograms());
