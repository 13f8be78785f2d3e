// The server as the extension starts it, asked by the protocol library of VS Code's own client.
// FORGATHER_LINT names the command (default: forgather-lint).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);
const { createProtocolConnection, StreamMessageReader, StreamMessageWriter } = require('vscode-languageserver-protocol/node');
const { serverCommand, settingsOfServer } = require('../out/server.js');

const MODEL = fileURLToPath(new URL('../../../fixtures/models/broken_llama', import.meta.url));
const FILE = 'configuration_broken_llama.py';

test('settings of the extension are not told to the server', () => {
    const given = { path: '/bin/x', trace: { server: 'off' }, target: ['vllm==0.32'], config: '', inlayHints: false };
    assert.deepEqual(settingsOfServer(given), { target: ['vllm==0.32'], inlayHints: false });
});

test('findings come, a fix is offered, and what it mends is gone', { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'forgather-lint-vscode-'));
    cpSync(MODEL, folder, { recursive: true });
    const { command, args } = serverCommand(process.env.FORGATHER_LINT);
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const connection = createProtocolConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin));
    const uri = pathToFileURL(join(folder, FILE)).href;
    const text = readFileSync(join(folder, FILE), 'utf8');
    let told = () => {};
    const diagnostics = (fits) => new Promise((resolve) => (told = (found) => fits(found) && resolve(found)));
    connection.onNotification('textDocument/publishDiagnostics', (found) => found.uri === uri && told(found.diagnostics));
    const edits = new Promise((resolve) =>
        connection.onRequest('workspace/applyEdit', ({ edit }) => (resolve(edit), { applied: true })),
    );
    connection.onRequest('workspace/configuration', ({ items }) => items.map(() => settingsOfServer({ path: 'x' })));
    connection.onRequest('client/registerCapability', () => null);
    connection.listen();
    try {
        await connection.sendRequest('initialize', {
            processId: process.pid,
            rootUri: pathToFileURL(folder).href,
            workspaceFolders: [{ uri: pathToFileURL(folder).href, name: 'model' }],
            capabilities: {
                workspace: { configuration: true, applyEdit: true, workspaceEdit: { documentChanges: true } },
                textDocument: { codeAction: { codeActionLiteralSupport: { codeActionKind: { valueSet: [] } } } },
            },
        });
        const first = diagnostics((found) => found.length > 0);
        await connection.sendNotification('initialized', {});
        await connection.sendNotification('textDocument/didOpen', { textDocument: { uri, languageId: 'python', version: 1, text } });
        const found = await first;
        assert.deepEqual(found.map((each) => [each.code, each.range.start.line]), [10, 11, 12, 13, 14].map((line) => ['FGL101', line]));
        assert.match(found[0].codeDescription.href, /tp_pattern_matches_nothing/);

        const position = { line: 10, character: 20 };
        const hover = await connection.sendRequest('textDocument/hover', { textDocument: { uri }, position });
        assert.match(hover.contents.value, /names no module/);

        const asked = { textDocument: { uri }, range: found[0].range, context: { diagnostics: [found[0]] } };
        const actions = await connection.sendRequest('textDocument/codeAction', asked);
        assert.ok(actions.some((each) => /Rename the pattern/.test(each.title) && each.isPreferred));
        const infer = actions.find((each) => /Infer the plan/.test(each.title));
        const gone = diagnostics((each) => each.length === 0);
        await connection.sendRequest('workspace/executeCommand', { command: infer.command.command, arguments: infer.command.arguments });
        const [change] = (await edits).documentChanges;
        await connection.sendNotification('textDocument/didChange', {
            textDocument: { uri, version: 2 },
            contentChanges: [...change.edits].sort((a, b) => b.range.start.line - a.range.start.line).map(({ range, newText }) => ({ range, text: newText })),
        });
        await gone;
    } finally {
        await connection.sendRequest('shutdown').catch(() => {});
        await connection.sendNotification('exit').catch(() => {});
        connection.dispose();
        child.kill();
        rmSync(folder, { recursive: true });
    }
});
