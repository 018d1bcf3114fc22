/** The page at `/`: starts the app. */
import { render } from 'preact';
import { find } from '../shared/elements.ts';
import { App } from './app/app.tsx';
import './elements/elements.css';

render(<App />, find('#app', HTMLElement));
