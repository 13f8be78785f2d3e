/** Runs `forgather-lint server` for the files of models. */

import { commands, ExtensionContext, window, workspace } from 'vscode';
import { LanguageClient, LanguageClientOptions, ServerOptions } from 'vscode-languageclient/node';

import { LANGUAGES, SECTION, serverCommand, settingsOfServer } from './server';

let client: LanguageClient | undefined;

/** Called by VS Code when a file of these languages is opened. */
export async function activate(context: ExtensionContext): Promise<void> {
    context.subscriptions.push(
        commands.registerCommand('forgather-lint.restart', restart),
        workspace.onDidChangeConfiguration(async (event) => {
            if (event.affectsConfiguration(`${SECTION}.path`)) {
                await restart();
            }
        }),
    );
    await start();
}

/** Called by VS Code when it closes. */
export async function deactivate(): Promise<void> {
    await client?.stop();
    client = undefined;
}

async function restart(): Promise<void> {
    await deactivate();
    await start();
}

async function start(): Promise<void> {
    const path = workspace.getConfiguration(SECTION).get<string>('path');
    const run: ServerOptions = serverCommand(path);
    const options: LanguageClientOptions = {
        documentSelector: LANGUAGES.map((language) => ({ scheme: 'file', language })),
        synchronize: { configurationSection: [] },
        middleware: {
            workspace: {
                configuration: async (params, token, next) => {
                    const answers = await next(params, token);
                    return Array.isArray(answers)
                        ? answers.map((each) => settingsOfServer({ ...each }))
                        : answers;
                },
            },
        },
    };
    client = new LanguageClient(SECTION, 'forgather-lint', run, options);
    try {
        await client.start();
    } catch (error) {
        client = undefined;
        const found = await window.showErrorMessage(
            `forgather-lint does not start: ${error instanceof Error ? error.message : error}. ` +
                "Install it with pip install 'forgather-lint[server]', or name its path.",
            'Open settings',
        );
        if (found !== undefined) {
            await commands.executeCommand('workbench.action.openSettings', `${SECTION}.path`);
        }
    }
}
