"Small cheats, small mistakes, and honest things that look like them: what the verifier is held to."
