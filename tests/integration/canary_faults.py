"""Requests and definitions that are refused, each with a secret in it."""

import json

from canary_site import ALNUM, SPACED, TOKEN
from canary_upstream import forms


def faulty_bodies(canaries, own):
    """Credentials that are refused, so that nobody has learnt their values."""
    new = lambda alphabet=TOKEN: canaries.text("in a bad request", alphabet)
    origin = [own]
    good = lambda: {"name": "bad", "kind": "bearer", "origins": origin, "value": new()}
    settings = {"grant": "client_credentials", "tokenUrl": own + "/token"}
    oauth = lambda: {"name": "bad", "kind": "oauth2", "origins": origin, "username": "u", "value": new()}
    pem = "-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n"
    yield {**good(), "kind": "nonsense"}
    yield {**good(), "kind": new()}
    yield {**good(), "origins": ["no origin"]}
    yield {**good(), "origins": []}
    yield {**good(), "origins": [own.replace("://", f"://u:{new(ALNUM)}@")]}
    yield {**good(), "origins": [f"{own}/?key={new(ALNUM)}"]}
    yield {**good(), "name": "bearer-0"}
    yield {**good(), "name": "Not A Label"}
    yield {**good(), "valeu": new()}
    yield {**good(), "value": new() * 800}
    yield {**good(), "value": new() + "\n"}
    yield {**good(), "value": " " + new()}
    yield {**good(), "value": [new()]}
    yield {**good(), "value": {"token": new()}}
    yield {**good(), "onRevoke": new()}
    yield {**good(), "username": "ada"}
    yield {**good(), "settings": {"token": new()}}
    yield {**good(), "refreshToken": new(), "passphrase": new(), "sessionToken": new()}
    yield {**good(), "kind": "basic", "username": "a:b", "value": new(SPACED)}
    yield {**good(), "kind": "digest"}
    yield {**good(), "kind": "apiKey"}
    yield {**good(), "kind": "apiKey", "prefix": "Bearer " + new()}
    yield {**good(), "kind": "apiKey", "header": "X-Api-Key: " + new()}
    yield {**good(), "kind": "awsSigV4", "username": "AKID", "settings": {"region": new(), "service": "s3"}}
    yield {**good(), "kind": "awsSigV4", "username": "AKID/" + new(ALNUM),
           "settings": {"region": "r", "service": "s3"}}
    yield {**good(), "kind": "clientCertificate", "certificate": "nonsense"}
    yield {**good(), "kind": "clientCertificate", "certificate": pem % new(), "value": pem % new()}
    yield {**oauth(), "settings": {**settings, "tokenUrl": f"https://id:{new(ALNUM)}@127.0.0.1/token"}}
    yield {**oauth(), "settings": {**settings, "tokenUrl": f"http://example.com/?client_secret={new(ALNUM)}"}}
    yield {**oauth(), "settings": {**settings, "clientSecret": new()}}
    yield {**oauth(), "settings": {**settings, "grant": new()}}
    yield {**oauth(), "settings": {**settings, "scopes": [new() + " \""]}}
    yield {**oauth(), "settings": settings, "subjectToken": new()}
    yield {**oauth(), "settings": {**settings, "grant": "refresh_token"}, "refreshToken": new() + "é"}
    text = json.dumps(good())
    yield text[:-1]
    yield text + "x"
    yield text.replace('"value"', "value")
    yield text.replace('"value": "', '"value": "\\x')
    yield json.dumps([text])
    yield json.dumps(new())
    yield new()
    yield b'{"value": "' + new().encode() + b'\xff"}'


def faulty_definition(number, value, own):
    """A file that holds the value; what else is wrong with it depends on the number."""
    head = f"document: {{dsl: '1.0.3', namespace: canary, name: bad-{number}, version: '1.0.0'}}\n"
    quoted = json.dumps(value)
    url = json.dumps(f"{own}/?token={forms(value)['percent']}")
    bodies = (
        f"do: [{{a: {{call: http, with: {{method: get, endpoint: {url}}}}}}}]\n",
        f"do: [{{a: {{call: http, with: {{method: post, body: {quoted}, endpoint: {url}}}}}}}]\n",
        f"do: [{{a: {{set: {{x: {quoted}}}}}}}]\n",
        f"do: [{{a: {{sett: {{x: {quoted}}}}}}}]\n",
        f"do: [{{a: {{set: {{x: {quoted}]}}}}}}]\n",
        f"do: [{{a: {{set: {{x: {forms(value)['hex']}, x: {forms(value)['base64']}}}, then: {quoted}}}}}]\n",
        f"do: [{{{quoted}: {{set: {{x: 1}}, {quoted}: 1}}}}]\n",
        f"do: [{{a: {{set: {{x: {json.dumps('${ ' + quoted + ' | nonsense( }')}}}}}}}]\n",
        f"do: [{{a: {{call: {quoted}, with: {{}}}}}}]\n",
        f"do: [{{a: {{wait: {quoted}}}}}]\n",
        f"do: [{{a: {{if: {quoted}, set: {{x: 1}}}}}}]\n",
        f"use: {{authentications: {{b: {{bearer: {{tokn: {quoted}}}}}, c: {{{quoted}: {quoted}}}}}}}\ndo: []\n",
        f"do: [{{a: {{call: http, with: {{method: get, endpoint: {{uri: 'http://127.0.0.1/', authentication: "
        f"{{basic: {{username: u, password: [{quoted}]}}}}}}}}}}}}]\n",
        f"do: [{{a: {{call: http, with: {{method: get, endpoint: {{uri: 'http://127.0.0.1/', authentication: "
        f"{{use: {quoted}}}}}}}}}}}]\n",
    )
    return head + bodies[number % len(bodies)]
