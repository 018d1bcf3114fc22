import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Template } from '@huggingface/jinja';
import { throwsBitnetError } from '../vocabularies.test.ts';
import { type ChatMessage, createChatTemplate } from './chat-template.ts';
import { BITNET_2B4T_TEMPLATE, FALCON3_TEMPLATE } from './known-templates.ts';

const TALK: readonly ChatMessage[] = [
  { role: 'system', content: 'Be brief. ' },
  { role: 'user', content: ' Hi <b>"there"</b>\n' },
  { role: 'assistant', content: 'Hello!' },
  { role: 'user', content: 'Name three colours.' },
];

test("2B4T's template writes turns as it was trained on", () => {
  const template = createChatTemplate(BITNET_2B4T_TEMPLATE);
  assert.equal(template.render([{ role: 'user', content: ' Hi ' }]), 'User: Hi<|eot_id|>Assistant: ');
  assert.equal(
    template.render(TALK, { addGenerationPrompt: false }),
    'System: Be brief.<|eot_id|>User: Hi <b>"there"</b><|eot_id|>Assistant: Hello!<|eot_id|>' +
      'User: Name three colours.<|eot_id|>',
  );
});

test("Falcon3's layout puts every role on a line of its own", () => {
  assert.equal(
    createChatTemplate(FALCON3_TEMPLATE).render([{ role: 'user', content: 'Hi' }]),
    '<|user|>\nHi\n<|assistant|>\n',
  );
});

/** Constructs that published templates use; the unguarded library says what each one gives. */
const CONSTRUCTS: readonly string[] = [
  BITNET_2B4T_TEMPLATE,
  FALCON3_TEMPLATE,
  "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m['content'] | trim + eos_token }}{% endfor %}",
  "{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% else %}{% set rest = messages %}{% endif %}{% for m in rest %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}bad{% endif %}[{{ m.content.strip() }}]{% endfor %}",
  '{%- set ns = namespace(n=0, last="") -%}{%- for m in messages -%}{%- set ns.n = ns.n + m.content|length -%}{%- set ns.last = m.role -%}{%- endfor -%}{{ ns.n }} {{ ns.last }}',
  "{% macro turn(role, text='none') %}<{{ role }}>{{ text }}{% endmacro %}{% for m in messages %}{{ turn(m.role, text=m.content) }}{{ turn('x') }}{% endfor %}",
  "{% for m in messages if m.role != 'system' %}{{ loop.first }}{{ loop.length }}{{ loop.previtem.role }}{% if loop.index == 2 %}{% break %}{% endif %}{% else %}none{% endfor %}",
  "{% for i in range(10, 0, -3) %}{% if i == 4 %}{% continue %}{% endif %}{{ i }},{% endfor %}{{ range(3)|join('-') }}",
  "{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | list | tojson }}{{ messages[1] | tojson(indent=2) }}",
  "{{ messages[1].content.replace('i', 'II') | upper | indent(3) }}{{ 'a,b'.split(',')[-1] }}{{ messages[0].content.rstrip('.') if true else '' }}",
  "{{ 'there' in messages[1].content }}{{ messages is iterable }}{{ nothing is defined }}{{ nothing|default('d') }}{{ tools is none }}{{ 'x' ~ 1 ~ [1, 'a'] }}{{ [1, 2] + [3] }}",
  '{% call(x) turn() %}{{ x }}{% endcall %}{% macro unused() %}{% endmacro %}',
  "{% macro wrap() %}({{ caller('y') }}){% endmacro %}{% call(x) wrap() %}{{ x }}{% endcall %}{% filter upper %}abc{% endfilter %}{% set t %}block {{ 1 }}{% endset %}{{ t }}",
  "{{ {'b': 1, 'a': [true, none, 1.5]} | tojson(sort_keys=true) }}{{ messages[0].items() | list | length }}{{ {'b': 2, 'a': 1} | dictsort }}{% for k, v in {'q': 1}.items() %}{{ k }}{{ v }}{% endfor %}",
];

/** What the library gives by itself, or undefined when it fails. */
function unguarded(source: string): string | undefined {
  const template: { render(items: Record<string, unknown>): string } = new Template(source);
  try {
    return template.render({
      messages: TALK,
      tools: null,
      documents: null,
      add_generation_prompt: true,
      bos_token: '<s>',
      eos_token: '</s>',
    });
  } catch {
    return undefined;
  }
}

for (const [index, source] of CONSTRUCTS.entries()) {
  test(`the guard changes nothing in construct ${index}`, () => {
    const expected = unguarded(source);
    const template = createChatTemplate(source, { bosToken: '<s>', eosToken: '</s>' });
    if (expected === undefined) throwsBitnetError(() => template.render(TALK), 'template/failed');
    else assert.equal(template.render(TALK), expected);
  });
}

test('long conversations stay inside the limits', () => {
  const talk = Array.from({ length: 2000 }, (_, i) => ({
    role: i % 2 === 0 ? 'user' : 'assistant',
    content: `Message ${i}: ${'and so on '.repeat(50)}`,
  }));
  const source =
    "{% for m in messages %}{% if m.role == messages[0].role and not loop.last %}U{{ messages|length }}{% endif %}{{ m.content | trim | replace('so', 'SO') }}{% endfor %}";
  assert.ok(createChatTemplate(source).render(talk).length > 1_000_000);
});

test("a template's own refusal is the message", () => {
  const template = createChatTemplate("{{ raise_exception('Roles must alternate') }}");
  throwsBitnetError(() => template.render(TALK), 'template/raised', 'Roles must alternate');
});

test('further variables reach the template, but not over the conversation', () => {
  const template = createChatTemplate('{{ mood }}{{ tools[0].name }}');
  assert.equal(template.render(TALK, { extra: { mood: 'calm' }, tools: [{ name: 'clock' }] }), 'calmclock');
  throwsBitnetError(
    () => template.render(TALK, { extra: { messages: [] } }),
    'template/bad-variable',
    'messages',
  );
});

test('dates are written in English', () => {
  const written = createChatTemplate("{{ strftime_now('%d %b %Y') }}").render([]);
  assert.match(written, /^\d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}$/);
});

test('what is not Jinja is refused when the template is made', () => {
  for (const source of [
    '{% for %}',
    '{{ a',
    '{% if x %}',
    '{{ 1 + }}',
    '{% frob %}',
    `${'{{ (('.repeat(9)}`,
  ]) {
    throwsBitnetError(() => createChatTemplate(source), 'template/syntax');
  }
  throwsBitnetError(() => createChatTemplate('x'.repeat(1 << 18)), 'template/too-long');
  throwsBitnetError(() => createChatTemplate(' '.repeat(5000)), 'template/too-long');
  throwsBitnetError(() => createChatTemplate(`{{ ${'('.repeat(30_000)}1 }}`), 'template/syntax');
  throwsBitnetError(
    () => createChatTemplate(`{{ ${'['.repeat(600)}1${']'.repeat(600)} }}`),
    'template/syntax',
  );
});

const DOUBLE =
  "{% set ns = namespace(s='ab') %}{% for i in range(40) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}";
const BIG =
  "{% set ns = namespace(s='ab') %}{% for i in range(19) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}";
const LOOP = '{% for a in range(100000) %}{% for b in range(100000) %}';
const END = '{% endfor %}{% endfor %}';

/** Templates that would run for hours or fill the memory; each must be stopped by a limit. */
const HOSTILE: Record<string, string> = {
  'a range of a billion': '{% for i in range(10**9) %}{% endfor %}',
  'a huge power': '{{ range(2 ** 51, 2 ** 52) }}',
  'loops in loops': `${LOOP}${END}`,
  'a text that doubles': DOUBLE,
  'a list that doubles':
    '{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}',
  'shared lists as text': `{% set ns = namespace(s=['x']) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}`,
  'shared lists as JSON': `{% set ns = namespace(s=['x']) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s | tojson }}`,
  'shared lists compared': `{% set ns = namespace(s=['x']) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s == 'x' }}`,
  'a macro that calls itself': '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}',
  'a macro that calls itself twice':
    '{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}',
  'a replacement everywhere': `${BIG}{{ ns.s.replace('a', ns.s) }}`,
  'a replacement of nothing': `${BIG}{{ ns.s | replace('', ns.s) }}`,
  'a method by another name': `${BIG}{% set f = ns.s.replace %}{{ f('a', ns.s) }}`,
  'a method by subscript': `${BIG}{{ ns.s['repl' ~ 'ace']('a', ns.s) }}`,
  'replacement as a block': `${BIG}{% filter replace('a', ns.s) %}{{ ns.s }}{% endfilter %}`,
  'a wide separator': `${BIG}{{ range(100000) | join(ns.s) }}`,
  'a separator by keyword': `${BIG}{{ range(100000) | join(separator=ns.s) }}`,
  'a wide indent': "{{ 'a\\nb' | indent(10 ** 9) }}",
  'a wide JSON indent': '{{ [1, [2]] | tojson(indent=10 ** 9) }}',
  'wide JSON separators': `${BIG}{{ range(100000) | tojson(separators=[ns.s, ns.s]) }}`,
  'long comparisons': `${BIG}{% set t = ns.s ~ '' %}${LOOP}{{ ns.s == t }}${END}`,
  'long searches': `${BIG}${LOOP}{{ 'x' in ns.s }}${END}`,
  'case tests': `${BIG}${LOOP}{{ ns.s is lower }}${END}`,
  'sorting of long texts': `${BIG}{% set many = [ns.s ~ 1, ns.s ~ 2, ns.s ~ 3] %}${LOOP}{{ (many | sort)[0] == '' }}${END}`,
  'splitting again and again': `${BIG}${LOOP}{{ ns.s.split('a') | length }}${END}`,
  'slicing again and again': `${BIG}${LOOP}{{ ns.s[::2] == '' }}${END}`,
  'namespaces of long lists': `{% set big = range(100000) %}${LOOP}{{ namespace(big) }}${END}`,
  'membership in long lists': `{% set big = range(100000) %}${LOOP}{{ 1.5 in big }}${END}`,
  'continues in loops':
    '{% for a in range(100000) %}{% for b in range(100000) %}{% continue %}{% endfor %}{% endfor %}',
  'undefined names': `${LOOP}{{ x }}${END}`,
  'macros defined in loops': `${LOOP}{% macro f() %}${'{{ 1 }}'.repeat(5000)}{% endmacro %}${END}`,
};

for (const [what, source] of Object.entries(HOSTILE)) {
  test(`${what}: stopped`, () => {
    throwsBitnetError(() => createChatTemplate(source).render(TALK), 'template/too-much-work');
  });
}

test('a value that contains itself is an error', () => {
  const loop: Record<string, unknown> = { role: 'user', content: 'x' };
  loop.self = loop;
  throwsBitnetError(() => createChatTemplate('{{ messages }}').render([loop as never]), 'template/failed');
  throwsBitnetError(
    () => createChatTemplate('{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}').render([]),
    'template/too-much-work',
  );
});

test('templates cannot reach JavaScript', () => {
  const render = (source: string): string => createChatTemplate(source).render(TALK);
  assert.equal(render("{{ ''.constructor }}{{ messages.__proto__ }}{{ messages[0].constructor }}"), '');
  throwsBitnetError(() => render("{{ range.constructor('return 1')() }}"), 'template/failed');
});
