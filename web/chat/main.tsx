/** The page at `/`: starts the app. */
import { render } from 'preact';
import { find } from '../shared/elements.ts';
import { App } from './app/app.tsx';
import './elements/elements.css';
import { watchMachine } from './machine/watch.ts';
import { keepForOffline } from './offline/keep-for-offline.ts';
import { connect } from './transport/connect.ts';

render(<App />, find('#app', HTMLElement));
void connect();
watchMachine();
keepForOffline();
