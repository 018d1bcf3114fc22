/** What a compute thread of training runs: it joins the team that model/create.ts makes. */
import { serveTeam } from '../kernels/team/worker-host.ts';
import { createTrainingPrograms } from './programs.ts';

serveTeam(createTrainingPrograms());
