# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""The verbs of sondectl that explain: settings, limits of the kernel, what is logged."""

from gi.repository import Sonde
from sonde_daemon import PROPERTIES
from sonde_sondectl import SondectlTest

LEVEL = ('org.freedesktop.LogControl1', 'LogLevel')


class TestExplain(SondectlTest):
    def test_every_setting(self):
        """explain lists every setting that D-Bus has, and explains each of them at length."""
        rows = self.read_json('explain')
        settings = {name for name, row in PROPERTIES.items()
                    if row[2] == 'readwrite' and not row[0].endswith('.Statistics')}
        self.assertEqual({row['Name'] for row in rows}, settings)
        self.assertEqual(len(self.sondectl('explain', '--no-legend').splitlines()), len(settings))
        for row in rows:
            with self.subTest(name=row['Name']):
                told = self.read_json('explain', row['Name'])
                self.assertEqual({key: told[key] for key in row}, row)
                self.assertEqual(row['Type'], PROPERTIES[row['Name']][1])
                self.assertGreater(len(told['Documentation']), len(row['Description']))
                self.assertNotIn('`', told['Documentation'])
                shown = self.sondectl('explain', row['Name'])
                self.assertTrue(shown.startswith(f'{row["Name"]}: {row["Description"]}\n'))
                self.assertIn(row['Allowed'], shown)
                self.assertLessEqual(max(map(len, shown.splitlines())), 100)

    def test_what_this_machine_makes_of_it(self):
        """explain KEY=VALUE tells what the kernel makes of a value, and which sysctl limits it."""
        limit = self.daemon.call('/org/sonde/Sonde1', 'KernelLimits.GetAll')['net.core.rmem_max']
        told = self.read_json('explain', 'ReceiveBuffer=1G')
        self.assertEqual((told['Sysctl'], told['IsCapped']), ('net.core.rmem_max', True))
        nothing, much = told['Here']
        self.assertEqual((nothing['Asked'], nothing['Reason']), (0, 'kernel-default'))
        self.assertEqual(much, {'Asked': 1 << 30, 'Effective': 2 * limit, 'Limit': limit,
                                'Reason': 'clamped-by-net.core.rmem_max'})
        server = self.create('same', ReceiveBuffer=1 << 30)
        self.assertEqual(tuple(much[key] for key in ('Asked', 'Effective', 'Limit', 'Reason')),
                         server.report('listener')['ReceiveBuffer'])
        shown = self.sondectl('explain', 'ReceiveBuffer=1G')
        self.assertRegex(shown, rf'(?m)^1073741824 +{2 * limit} +{limit} +clamped-by-')
        self.assertIn(f'net.core.rmem_max = {limit}', shown)
        self.assertEqual(len(self.read_json('explain', 'KeepAliveTimeSec=5min')['Here']), 2)
        self.assertEqual(self.read_json('explain', 'Mode')['Here'], [])

    def test_presets(self):
        """explain Preset tells what each of them sets, and of one what that sets."""
        told = self.read_json('explain', 'Preset')
        self.assertEqual(list(told), Sonde.Settings.list_presets())
        for name, settings in told.items():
            self.assertEqual(self.read_json('explain', f'Preset={name}'), {name: settings})
            server = self.create(name, Preset=name, ListenAddresses=['127.0.0.1:0'])
            del settings['ListenAddresses']
            self.assertGreater(len(settings), 0)
            for key, value in settings.items():
                self.assertEqual(server.get(key), value, (name, key))
        shown = self.sondectl('explain', 'Preset=asyncio', '--no-legend')
        self.assertRegex(shown, r'^asyncio +.*KeepAliveTimeUSec=30min')
        self.assertIn('allowed: io-multiplex', self.fails_in_one_line(2, 'explain', 'Preset=x'))

    def test_refused(self):
        """explain of what is no setting, or no value of it, is status 2 and names the nearest."""
        for word, hint in (('RecieveBuffer', 'did you mean ReceiveBuffer?'), ('x=y', 'x is not'),
                           ('KeepAliveProbes=128', '1 to 127'), ('NoDelay=', 'yes or no'),
                           ('=', 'not a setting')):
            with self.subTest(word=word):
                self.assertIn(hint, self.fails_in_one_line(2, 'explain', word))
        self.assertIn('--host', self.fails_in_one_line(2, 'explain', 'NoDelay', '--host=there'))

    def test_library(self):
        """The library describes every setting to whoever asks, and says that there is no other."""
        for name in Sonde.Settings.list_keys():
            told = Sonde.Settings.describe(name).unpack()
            self.assertEqual(told['Name'], name)
            self.assertIn(told['Change'], ('live', 'new', 'relisten'))
        self.fails('InvalidSetting', Sonde.Settings.describe, 'Nonsense')


class TestLimits(SondectlTest):
    def test_what_if(self):
        """limits --what-if computes the connect timeout of a kernel that is tuned otherwise."""
        words = ['limits', '--what-if=net.ipv4.tcp_syn_linear_timeouts=0']
        for retries, seconds in ((3, 15), (6, 127)):
            with self.subTest(retries=retries):
                what_if = f'--what-if=net.ipv4.tcp_syn_retries={retries}'
                told = self.read_json(*words, what_if)
                self.assertEqual(told['WhatIfConnectTimeoutUSec'], seconds * 1000000)
                self.assertEqual(told['WhatIf'], {'net.ipv4.tcp_syn_linear_timeouts': 0,
                                                  'net.ipv4.tcp_syn_retries': retries})
        now = self.daemon.get_all('/org/sonde/Sonde1', 'KernelLimits')['ConnectTimeoutUSec']
        self.assertEqual(told['ConnectTimeoutUSec'], now)
        shown = self.sondectl(*words, '--what-if=net.ipv4.tcp_syn_retries=3')
        self.assertRegex(shown, r'(?m)^ConnectTimeoutUSec +.* +15s$')
        for bad in ('net.core.somaxconn=1', 'net.ipv4.tcp_syn_retries',
                    'net.ipv4.tcp_syn_retries=x', 'net.ipv4.tcp_syn_retries=0', '=3'):
            self.fails_in_one_line(2, 'limits', '--what-if=' + bad)


class TestLog(SondectlTest):
    def read_level(self):
        return self.daemon.call('/org/freedesktop/LogControl1',
                                'org.freedesktop.DBus.Properties.Get', '(ss)', *LEVEL)

    def test_log_level(self):
        """log-level shows and changes what is logged."""
        before = self.read_level()
        self.assertEqual(self.sondectl('log-level'), before + '\n')
        self.assertEqual(self.sondectl('log-level', 'debug'), '')
        self.assertEqual(self.read_level(), 'debug')
        self.assertEqual(self.read_json('log-level'), {'LogLevel': 'debug'})
        self.assertEqual(self.read_json_once('log-level', before), {'LogLevel': before})
        self.fails_in_one_line(2, 'log-level', 'loud')
        self.assertEqual(self.read_level(), before)
