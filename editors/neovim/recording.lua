-- What `python -m tools.editor_picture` runs Neovim with: the client as in `lsp/forgather_lint.lua`, and findings beside the lines.
vim.opt.runtimepath:prepend(vim.env.FORGATHER_LINT_EDITORS .. '/neovim')
vim.opt.number = true
vim.opt.termguicolors = true
vim.opt.swapfile = false
vim.opt.laststatus = 0
vim.opt.ruler = false
vim.opt.wrap = false
vim.diagnostic.config({ virtual_text = true, signs = false })
vim.lsp.config('forgather_lint', { cmd = vim.split(vim.env.FORGATHER_LINT_SERVER, ' ') })
vim.lsp.enable('forgather_lint')
