/** Built with the pages for tests: gives them the page's own transports, which the page has no names for outside. */
import { transport, transports } from '../../../web/chat/store/connection.ts';

Object.assign(globalThis, { probe: { transport, transports } });
