import { expect, test } from 'vitest';
import { stillOwed } from './homes.js';

const dead = { home: '1', workerId: 'w1', owesHome: true };

test('what a worker left that was killed with its watchdog is excused until the next one with its home serves', () => {
  expect(stillOwed([dead, { home: '2', workerId: 'w2', owesHome: false }])).toEqual(['w1']);
  const heir = { home: '1', workerId: '', owesHome: true };
  expect(stillOwed([dead, heir])).toEqual(['w1']);
  expect(stillOwed([dead, { ...heir, workerId: 'w3', owesHome: false }])).toEqual([]);
  // The heir died before it served; the next one did.
  expect(stillOwed([dead, heir, { ...heir, workerId: 'w4', owesHome: false }])).toEqual([]);
  // The heir was killed with its watchdog, too: what it left itself is excused, and nothing else.
  expect(stillOwed([dead, { ...heir, workerId: 'w3' }])).toEqual(['w3']);
});

test('who left nothing, or has ended it itself, owes nothing', () => {
  expect(stillOwed([{ ...dead, owesHome: false }])).toEqual([]);
});
