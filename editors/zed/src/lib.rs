//! Tells Zed how the server is started. Everything else, the server says itself.

use zed_extension_api::{
    self as zed, serde_json::Value, settings::LspSettings, LanguageServerId, Result, Worktree,
};

struct ForgatherLint;

impl zed::Extension for ForgatherLint {
    fn new() -> Self {
        ForgatherLint
    }

    /// The command that the settings name (`lsp.forgather-lint.binary`), or the one on the path.
    fn language_server_command(
        &mut self,
        server: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<zed::Command> {
        let chosen = LspSettings::for_worktree(server.as_ref(), worktree)
            .ok()
            .and_then(|settings| settings.binary);
        let command = chosen
            .as_ref()
            .and_then(|binary| binary.path.clone())
            .or_else(|| worktree.which("forgather-lint"))
            .ok_or("no forgather-lint: pip install 'forgather-lint[server]'")?;
        let args = chosen
            .and_then(|binary| binary.arguments)
            .unwrap_or_else(|| vec!["server".into()]);
        Ok(zed::Command { command, args, env: worktree.shell_env() })
    }

    fn language_server_initialization_options(
        &mut self,
        server: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<Option<Value>> {
        let settings = LspSettings::for_worktree(server.as_ref(), worktree)?;
        Ok(settings.initialization_options)
    }

    /// What the server asks for by the name `forgather-lint`.
    fn language_server_workspace_configuration(
        &mut self,
        server: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<Option<Value>> {
        let settings = LspSettings::for_worktree(server.as_ref(), worktree)?;
        Ok(settings.settings)
    }
}

zed::register_extension!(ForgatherLint);
