"""The auditors' web pages: every answer read-only, recorded before it is given, in English and Chinese.

They know nothing of people: whoever joins them with a sign-in says who asks.
"""
