"""The register of people: who may sign in with which roles, enrolled and ended by two administrators."""
