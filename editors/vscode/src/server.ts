/** How the server is started, and what it is told: without `vscode`, so that tests need none. */

/** A command and its arguments. */
export interface Command {
    command: string;
    args: string[];
}

/** The languages in which models, their configurations and Forgather's templates are written. */
export const LANGUAGES = ['python', 'json', 'jsonc', 'yaml'];

/** The section of the settings, as the server asks for it. */
export const SECTION = 'forgather-lint';

const OWN = new Set(['path', 'trace']);

/** The command that `path` of the settings means. */
export function serverCommand(path: string | undefined): Command {
    return { command: path?.trim() || 'forgather-lint', args: ['server'] };
}

/** The settings that are the server's: not the extension's own, and none that were left empty. */
export function settingsOfServer(settings: Record<string, unknown>): Record<string, unknown> {
    return Object.fromEntries(
        Object.entries(settings).filter(([name, value]) => !OWN.has(name) && !isEmpty(value)),
    );
}

function isEmpty(value: unknown): boolean {
    return value === null || value === '' || (Array.isArray(value) && value.length === 0);
}
