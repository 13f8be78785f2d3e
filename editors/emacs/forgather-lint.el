;;; forgather-lint.el --- forgather-lint in Eglot  -*- lexical-binding: t -*-

;; Load this file, then M-x eglot in a buffer of a model.

(require 'eglot)

(add-to-list 'eglot-server-programs
             '((python-mode json-mode js-json-mode yaml-mode) . ("forgather-lint" "server")))

(provide 'forgather-lint)
;;; forgather-lint.el ends here
