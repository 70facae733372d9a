# Writes notes with files in each way that the family's Ruby SDK offers, and finds them again with it.
# Prints a JSON line for each way. Started by v1-clients.ts, which puts the SDK on the load path.
require 'json'
require 'sdk4me/client'

URL, TOKEN, ACCOUNT, DIRECTORY, REQUEST = ENV.values_at('GATEWAY_URL', 'TOKEN', 'ACCOUNT', 'FILES', 'REQUEST')
KINDS = JSON.parse(ENV.fetch('RECORDS'))

# The SDK logs each upload as an error, because the store's XML is no JSON, but it accepts the response.
client = Sdk4me::Client.new(
  host: URL, access_token: TOKEN, account: ACCOUNT, source: 'The Ruby SDK', logger: Logger.new($stderr, level: Logger::FATAL), max_retry_time: -1
)

def file(name)
  File.join(DIRECTORY, name)
end

# Finds the note with the SDK, among the notes of its record and by its id.
def found(client, collection, id, marker)
  note = nil
  client.each("#{collection}/#{id}/notes") { |one| note = one if one[:text].include?(marker) }
  raise "#{marker}: not found again" unless note
  raise "#{marker}: another by its id" unless client.get("notes/#{note[:id]}")[:text] == note[:text]

  note
end

def tell(way, note)
  files = note[:attachments].map { |one| { name: one[:name], inline: one[:inline], size: one[:size], uri: one[:uri], key: one[:key] } }
  puts JSON.generate(way: way, note: note[:id], text: note[:text], internal: note[:internal], files: files)
end

def check(response)
  raise response.message unless response.valid?

  response
end

image = ['camera.png']
two = ['camera.png', 'log.txt']
paths = ->(names) { names.map { |name| file(name) } }

check client.post("requests/#{REQUEST}/notes", { text: 'ruby-1 with files', text_attachments: paths[two] })
tell 'POST a note, text_attachments', found(client, 'requests', REQUEST, 'ruby-1')

check client.post("requests/#{REQUEST}/notes", { text: +'ruby-2 shows [text_attachments: 0] here', text_attachments: paths[image] })
tell 'POST a note, inline', found(client, 'requests', REQUEST, 'ruby-2')

check client.post("requests/#{REQUEST}/notes", { text: 'ruby-3 for specialists', internal: true, text_attachments: [File.open(file('log.txt'), 'rb')] })
tell 'POST an internal note, an open file', found(client, 'requests', REQUEST, 'ruby-3')

check client.put("requests/#{REQUEST}", { status: 'waiting_for_customer', note: 'ruby-4 please fill in', note_attachments: paths[two] })
tell 'PATCH the record, note_attachments', found(client, 'requests', REQUEST, 'ruby-4')

check client.put("requests/#{REQUEST}", { note: +'ruby-5 see [note_attachments: 0] and [note_attachments: 1]', note_attachments: paths[['camera.png', 'screen.png']] })
tell 'PATCH the record, inline', found(client, 'requests', REQUEST, 'ruby-5')

check client.put("requests/#{REQUEST}", { internal_note: 'ruby-6 only we see it', internal_note_attachments: paths[image] })
tell 'PATCH the record, internal_note_attachments', found(client, 'requests', REQUEST, 'ruby-6')

opened = check client.post('requests', { subject: 'Opened by the Ruby SDK', note: 'ruby-7 first note', note_attachments: paths[two] })
tell 'POST a request with its note', found(client, 'requests', opened[:id], 'ruby-7')

KINDS.each do |collection, id|
  marker = "ruby-#{collection}"
  check client.put("#{collection}/#{id}", { note: "#{marker} from its record", note_attachments: paths[image] })
  tell "PATCH one of the #{collection}", found(client, collection, id, marker)
end

refused = client.post("requests/#{REQUEST}/notes", { text: 'ruby-8', strange: 1 })
raise 'an unknown field was taken' if refused.valid?

me = check client.get('me')
walked = Hash.new(0)
client.each('notes', { person_id: me[:id], 'created_at=>': DateTime.new(2020, 1, 1) }) { |_note| walked[:own] += 1 }
client.each('requests/open') { |_record| walked[:open] += 1 }
client.each('requests/completed') { |_record| walked[:completed] += 1 }
client.each('people', { primary_email: me[:primary_email] }) { |person| walked[:people] += 1 if person[:id] == me[:id] }
walked[:account] += 1 if check(client.get('account'))[:id] == ACCOUNT
walked[:by_node_id] += 1 if check(client.get("people/#{me[:nodeID].delete('=')}"))[:id] == me[:id]
puts JSON.generate(walked: walked, refused: refused.json)
