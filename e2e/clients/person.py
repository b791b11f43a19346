"""A person without a browser: keeps cookies, fills grantd's forms, and hands over the first address that leads away from it."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests


class Person:
    def __init__(self, issuer, username, password):
        self.issuer = issuer
        self.typed = {"username": username, "password": password, "action": "sign_in"}
        self.session = requests.Session()

    def decide(self, url, decision="allow"):
        """Opens an authorization request, signs in if asked, allows or denies; gives the address the app is called back at."""
        response, away = self._open("GET", url)
        if away is None and response.status_code == 200 and 'id="login"' in response.text:
            response, away = self._submit(response, "login", self.typed)
        if away is None and response.status_code == 200 and 'id="consent"' in response.text:
            response, away = self._submit(response, "consent", {"decision": decision})
        assert away is not None, f"grantd shows a page ({response.status_code}) where it should answer the client:\n{response.text}"
        return away

    def read(self, url):
        """Opens an address that must end on a page of grantd."""
        response, away = self._open("GET", url)
        assert away is None, f"the browser was sent to {away}"
        return response

    def _open(self, method, url, form=None):
        while True:
            response = self.session.request(method, url, data=form, allow_redirects=False, timeout=10)
            location = response.headers.get("location")
            if location is None:
                return response, None
            url = urljoin(url, location)
            if urlsplit(url)[:2] != urlsplit(self.issuer)[:2]:
                return response, location
            method, form = "GET", None

    def _submit(self, response, form_id, typed):
        form = Form(form_id)
        form.feed(response.text)
        typed_names = set(typed)
        fields = [field for field in form.fields if field[0] not in typed_names] + list(typed.items())
        return self._open("POST", urljoin(response.url, form.action), fields)


class Form(HTMLParser):
    """What a form would send if nothing in it were touched."""

    def __init__(self, form_id):
        super().__init__()
        self.form_id, self.inside, self.action, self.fields = form_id, False, None, []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form" and attributes.get("id") == self.form_id:
            self.inside, self.action = True, attributes["action"]
        elif tag == "input" and self.inside and (attributes["type"] == "hidden" or "checked" in attributes):
            self.fields.append((attributes["name"], attributes["value"]))

    def handle_endtag(self, tag):
        if tag == "form":
            self.inside = False
