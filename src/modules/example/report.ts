import { prompt } from '#gateway/modules/index.js';

const tones = ['formal', 'friendly', 'terse'];

export const report = prompt({
  name: 'ship_report',
  title: 'Report on a ship',
  description: 'Asks for a short report on one ship of the fleet.',
  arguments: [
    { name: 'ship', description: 'Name of the ship', required: true },
    {
      name: 'tone',
      description: 'formal, friendly or terse',
      complete: (prefix) => tones.filter((tone) => tone.startsWith(prefix)),
    },
  ],
  get: ({ ship = '', tone = 'formal' }) => [
    { role: 'user', content: { type: 'text', text: `Write a ${tone} report on the ship ${ship} in three sentences.` } },
    {
      role: 'user',
      content: { type: 'resource_link', uri: `example://ships/${encodeURIComponent(ship)}`, name: ship },
    },
  ],
});
