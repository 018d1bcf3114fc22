/** What every command of the `bitnet` program is made of; program.ts finds them by name and help.ts prints their help. */

/** An option of a command, as in `--max-tokens N`. */
export interface CommandOption {
  /** Without the dashes. */
  readonly name: string;
  readonly short?: string;
  /** How the value is called in the help (`N`, `FILE`); options without it are switches. */
  readonly value?: string;
  /** May be given several times. */
  readonly multiple?: boolean;
  readonly help: string;
  /** Shown in the help. */
  readonly default?: string;
}

/** The command line after the command's name, parsed: strings as given, switches as true. */
export interface CommandInput {
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
}

/** One command. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** A paragraph for the command's own help. */
  readonly details?: string;
  /** Left out of the list of commands. */
  readonly isHidden?: boolean;
  /** Positionals as shown in the usage line: `[MODEL] PROMPT`. */
  readonly positionals: string;
  readonly options: readonly CommandOption[];
  /** Whole command lines with what they do. */
  readonly examples: readonly (readonly [commandLine: string, what: string])[];
  /**
   * @returns the exit status
   * @throws UsageError for a command line that cannot be understood; BitnetError; the signal's reason when aborted
   */
  run(input: CommandInput): Promise<number>;
}
