-- For Neovim 0.11 and later. Copy to ~/.config/nvim/lsp/, and say in init.lua:
--   vim.lsp.enable('forgather_lint')
return {
  cmd = { 'forgather-lint', 'server' },
  filetypes = { 'python', 'json', 'yaml' },
  root_markers = { 'forgather-lint.toml', 'pyproject.toml', 'config.json', '.git' },
}
