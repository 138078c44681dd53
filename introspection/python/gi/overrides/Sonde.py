# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""What makes the library feel at home in Python; the rest is as in C.

    with Sonde.Server('echo', no_delay=True, receive_buffer='64K') as server:
        client.connect(server.host, server.port)

Settings are keywords, by the name of their property or of their D-Bus
property. A value may be written as in the configuration file. What is not
valid raises GLib.Error and names the allowed range.
"""

import asyncio
import re

import gi
from gi.repository import GLib

from ..module import get_introspection_module
from ..overrides import override

Sonde = get_introspection_module('Sonde')
__all__ = []

# How often asyncio, which has a loop of its own, looks after GLib's.
POLL_SECONDS = 0.005


def _get_context():
    return GLib.MainContext.get_thread_default() or GLib.MainContext.default()


async def _wait(self, done, finish):
    while not done:
        if not _get_context().iteration(False):
            await asyncio.sleep(POLL_SECONDS)
    return finish(self, done[0])


def _awaitable(method, finish, n_inputs=0):
    """Let an asynchronous method be awaited where it is given no callback."""

    def call(self, *arguments):
        if len(arguments) > n_inputs + 1 or gi.version_info >= (3, 50):
            return method(self, *arguments)
        inputs = arguments[:n_inputs]
        cancellable = arguments[n_inputs] if len(arguments) > n_inputs else None
        done = []
        method(self, *inputs, cancellable, lambda source, result, *data: done.append(result))
        return _wait(self, done, finish)

    call.__name__ = method.__name__
    call.__doc__ = method.__doc__
    return call


def _get_keys():
    """Tell the settings by their names in Python."""
    return {re.sub('(?<=[a-z])(?=[A-Z])', '_', key.replace('USec', 'Usec')).lower(): key
            for key in Sonde.Settings.list_keys()}


def _to_variant(key, value):
    if isinstance(value, GLib.Variant):
        return value
    known = Sonde.Settings.new().get_value(key)
    kind = known.get_type_string() if known is not None else 's'
    if hasattr(value, 'value_nick'):
        return GLib.Variant('s', value.value_nick)
    if isinstance(value, str) and kind != 's':
        return Sonde.Settings.parse(key, value)[0]
    if kind in 'ut':
        # Whether it fits is for the library to say, which knows the range.
        return GLib.Variant('t' if value >= 0 else 'x', value)
    return GLib.Variant(kind, value if kind != 's' else str(value))


def _to_setting(key, value):
    """Pair a setting with its value; those that end in Sec count seconds, as in texts."""
    if key.endswith('Sec') and not key.endswith('USec'):
        value, key = Sonde.Settings.parse(key, str(value))
    return key, _to_variant(key, value)


def _to_settings(values):
    """Pack keyword arguments as an a{sv} of settings."""
    keys = _get_keys()
    return GLib.Variant('a{sv}', dict(_to_setting(keys.get(name, name), value)
                                      for name, value in values.items()))


class Server(Sonde.Server):
    def __init__(self, name='server', settings=None, **values):
        super().__init__(name=name)
        if settings is not None:
            self.replace_settings(settings)
        if values:
            self.update(**values)

    def update(self, changes=None, apply=Sonde.Apply.ALL, **values):
        """Change settings while the server runs, given as an a{sv} or as keywords."""
        if changes is None:
            changes = _to_settings(values)
        elif values:
            raise TypeError('settings are given either as a variant or as keywords')
        return super().update(changes, apply)

    start_async = _awaitable(Sonde.Server.start_async, Sonde.Server.start_finish)
    relisten_async = _awaitable(Sonde.Server.relisten_async, Sonde.Server.relisten_finish)
    drain_async = _awaitable(Sonde.Server.drain_async, Sonde.Server.drain_finish, 1)

    @property
    def host(self):
        """The first address that the server listens on, or None."""
        return next((address[0] for address in self.get_bound_addresses()), None)

    @property
    def port(self):
        """The port of that address, also where the kernel picked it, or None."""
        return next((address[1] for address in self.get_bound_addresses()), None)

    def __enter__(self):
        """Start, on a port of the loopback that the kernel picks if no address was given."""
        if not self.props.listen_addresses:
            self.update(listen_addresses=['127.0.0.1:0'])
        self.start()
        return self

    def __exit__(self, kind, value, traceback):
        """Stop, and wait until every connection is closed."""
        if kind is None:
            self.stop()
        else:
            self.drain(0)
        while self.get_state() == Sonde.ServerState.DRAINING:
            _get_context().iteration(True)


Server = override(Server)
__all__.append('Server')


class Probe(Sonde.Probe):
    run_async = _awaitable(Sonde.Probe.run_async, Sonde.Probe.run_finish)

    def add_message(self, message):
        """Add a message to send: bytes, or GLib.Bytes."""
        if not isinstance(message, GLib.Bytes):
            message = GLib.Bytes.new(message)
        super().add_message(message)


Probe = override(Probe)
__all__.append('Probe')
