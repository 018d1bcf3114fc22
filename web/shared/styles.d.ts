/** Styles that a script imports: the build puts them into a file of their own beside it. */
declare module '*.css';
