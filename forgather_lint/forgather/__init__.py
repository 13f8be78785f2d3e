"""Forgather projects: templates rendered to the model that the generator would write.

`discover.find_projects` finds projects and needs nothing but the file system; `project` reads one,
`model.render_model` renders the model of one of its configurations. Everything but `discover`
needs Jinja and is imported only when a project is linted.
"""
