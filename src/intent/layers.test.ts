import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from './compile.ts'
import { accepted, doc } from '../model/testing/set.ts'

const workload = (enclave: string, name: string, layer?: string) => doc('Workload', `name: ${name}, enclave: ${enclave}`, `{ports: [5432]${layer === undefined ? '' : `, layer: ${layer}`}}`)
const service = (source: string, destination: string) => doc('ServicePolicy', 'name: p, enclave: one', `{source: ${source}, destination: ${destination}, protocol: tcp, port: 5432}`)
const half = (enclave: string, side: string, source: string, destination: string) =>
  doc('FederationPolicy', `name: f, enclave: ${enclave}`, `{${side}: [{source: ${source}, destination: ${destination}, protocol: tcp, port: 5432}]}`)

/** Enclaves `one` and `same` on stack `main`, `other` on a stack of its own. */
const scene = [
  doc('Stack', 'name: main', '{layers: [app, database, bastion]}'), doc('Stack', 'name: apart', '{layers: [app, database, bastion]}'),
  doc('Environment', 'name: main', '{stack: main}'), doc('Environment', 'name: apart', '{stack: apart}'),
  doc('Enclave', 'name: one', '{environment: main}'), doc('Enclave', 'name: same', '{environment: main}'), doc('Enclave', 'name: other', '{environment: apart}'),
  workload('one', 'db', 'database'), workload('one', 'db2', 'database'), workload('one', 'api', 'app'), workload('one', 'jump', 'bastion'), workload('one', 'loose'),
  workload('same', 'api', 'app'), workload('other', 'api', 'app'),
  doc('External', 'name: office', '{cidrs: [203.0.113.0/24]}'),
].join('')

function said(...files: readonly string[]): readonly string[] {
  const set = Object.fromEntries([scene, ...files].map((text, i) => [`set${i}.yaml`, text]))
  return compile(accepted(set)).diagnostics.map((d) => `${d.severity} ${d.code}: ${d.message}`)
}

test('app and bastion of a database\'s own stack reach it, and its own replicas', () => {
  assert.deepEqual(said(service('[api, jump]', 'db')), [])
  assert.deepEqual(said(service('db', 'db')), [])
  assert.deepEqual(said(half('same', 'imports', 'api', 'one/db'), half('one', 'exports', 'same/api', 'db')), [])
})

test('anything else that leads to a database is an error that names the policy, the source and the database', () => {
  assert.deepEqual(said(service('loose', 'db')), [
    'error database-reached: ServicePolicy one/p opens `one/loose` (no layer, stack `main`) to the database `one/db` (tcp 5432)',
  ])
  assert.deepEqual(said(service('db2', 'db')), [
    'error database-reached: ServicePolicy one/p opens `one/db2` (layer `database`, stack `main`) to the database `one/db` (tcp 5432)',
  ])
  assert.deepEqual(said(service('one/*', 'db')), [
    'error database-reached: ServicePolicy one/p opens `one/db2` (layer `database`, stack `main`) to the database `one/db` (tcp 5432) (and 1 more of its paths)',
  ])
  assert.deepEqual(said(half('other', 'imports', 'api', 'one/db'), half('one', 'exports', 'other/api', 'db')), [
    'error database-reached: FederationPolicy one/f and FederationPolicy other/f opens `other/api` (layer `app`, stack `apart`) to the database `one/db` (tcp 5432)',
  ])
  const published = doc('IngressPolicy', 'name: i, enclave: one', '{source: external:office, destination: db, protocol: tcp, port: 5432, authentication: none, publish: {address: 198.51.100.1, port: 1}, expires: 2031-01-01}')
  assert.deepEqual(said(published), ['error database-reached: IngressPolicy one/i opens `external:office` to the database `one/db` (tcp 5432)'])
})

test('a group opens no database either', () => {
  const group = doc('Group', 'name: g, enclave: one', '{members: [shy, store]}')
  const members = doc('Workload', 'name: shy, enclave: one', '{groups: [g]}') + doc('Workload', 'name: store, enclave: one', '{groups: [g], layer: database, ports: [5432]}')
  assert.deepEqual(said(group + members), ['error database-reached: Group one/g opens `one/shy` (no layer, stack `main`) to the database `one/store` (tcp 5432)'])
})

test('a way in to a bastion has an end', () => {
  const ingress = (rest: string) => doc('IngressPolicy', 'name: i, enclave: one', `{source: external:office, destination: jump, protocol: tcp, port: 22, authentication: none, publish: {address: 198.51.100.1, port: 22}${rest}}`)
  assert.deepEqual(said(ingress('')), ['error bastion-unlimited: IngressPolicy one/i lets `external:office` in to the bastion `one/jump` without an end'])
  assert.deepEqual(said(ingress(', expires: 2031-01-01')), [])
  // Inside, it is a workload like others.
  assert.deepEqual(said(service('api', 'jump')), [])
})

test('a way in from another platform to a bastion has an end, too', () => {
  const peer = doc('Peer', 'name: north', '{trustDomain: north.example, bundleEndpoint: {url: "https://north.example/b"}, gateway: "north.example:8443"}')
  const policy = (rest: string) => doc('FederationPolicy', 'name: f, enclave: one', `{exports: [{source: peer:north/lab/w, destination: jump, protocol: tcp, port: 22}]${rest}}`)
  assert.match(said(peer + policy('')).join(), /bastion-unlimited: FederationPolicy one\/f lets `peer:north\/lab\/w` in/)
  assert.deepEqual(said(peer + policy(', expires: 2031-01-01')), [])
})
