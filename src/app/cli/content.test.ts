import { expect, it } from 'vitest';
import { showContent } from './content.js';
import { visible } from './terminal.js';

it('shows every kind of content', () => {
  const content = [
    { type: 'text', text: 'ahoy' },
    { type: 'image', mimeType: 'image/png', data: 'AAAA' },
    { type: 'resource_link', uri: 'file:///a', name: 'A' },
    { type: 'resource', resource: { uri: 'file:///b', mimeType: 'text/plain', text: 'inside' } },
    { type: 'resource', resource: { uri: 'file:///c', blob: 'AAAA' } },
    { type: 'novel', x: 1 },
  ];
  expect(showContent({ content }).split('\n')).toEqual([
    'ahoy',
    '[image image/png, 3 bytes]',
    '[link file:///a A]',
    '[resource file:///b text/plain]',
    'inside',
    '[resource file:///c, 3 bytes]',
    '{"type":"novel","x":1}',
  ]);
  expect(showContent({ content: [], structuredContent: { a: 1 } })).toContain('"a": 1');
  expect(showContent({})).toBe('(no content)');
});

it('lets no control character of a server reach the terminal', () => {
  expect(visible('a\u001b[2Jb\r\u202ec\n\td')).toBe('a�[2Jb��c\n\td');
});
