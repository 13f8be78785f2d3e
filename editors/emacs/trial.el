;;; trial.el --- what tests/test_editors.py asks of a real Eglot  -*- lexical-binding: t -*-

(package-initialize)
(load (expand-file-name "forgather-lint.el" (file-name-directory load-file-name)) nil t)
(setq eglot-sync-connect t
      eglot-confirm-server-initiated-edits nil)

(defun trial-wait-until (is-so)
  "Handle what the server sends until IS-SO, or half a minute long."
  (let ((left 300))
    (while (and (> left 0) (not (funcall is-so)))
      (accept-process-output nil 0.1)
      (setq left (1- left)))))

(defun trial-ask (method &rest more)
  "What the server answers to METHOD at point."
  (jsonrpc-request (eglot-current-server) method (append (eglot--TextDocumentPositionParams) more)))

(find-file (getenv "MODEL_FILE"))
(python-mode)
(call-interactively #'eglot)
(flymake-mode 1)
(trial-wait-until #'flymake-diagnostics)
(dolist (each (flymake-diagnostics))
  (message "found %s" (car (split-string (flymake-diagnostic-text each) "\n"))))

(goto-char (point-min))
(search-forward "self_attn.q")
(message "hover %S" (plist-get (trial-ask :textDocument/hover) :contents))

(let* ((here (eglot--pos-to-lsp-position))
       (actions (trial-ask :textDocument/codeAction
                           :range (list :start here :end here)
                           :context (list :diagnostics [])))
       (infer (seq-find (lambda (each) (string-match-p "Infer" (plist-get each :title))) actions))
       (command (plist-get infer :command)))
  (eglot-execute-command (eglot-current-server)
                         (intern (plist-get command :command))
                         (plist-get command :arguments)))
(trial-wait-until (lambda () (null (flymake-diagnostics))))
(message "left %d" (length (flymake-diagnostics)))

;;; trial.el ends here
